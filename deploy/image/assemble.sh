#!/bin/sh
# assemble.sh: the build stage's last step, in /weir. Adds the jars and Weir itself to what dependencies.sh made, and writes sbom.cdx.json.
set -eu
export UV_NO_CACHE=1
uv="/build/bin/uv pip"
python=.venv/bin/python
site=$($python -c "import sysconfig; print(sysconfig.get_path('purelib'))")

# Spark's Kafka source, the native engine and S3A go beside Spark's own jars: here nobody writes a stack.json that would name them. Checked against jars.lock.
WEIR_CACHE=/build/jars PYTHONPATH=plugins:. $python -c "
import shutil
from weir.local import jars, spark
for jar in (*spark.driver_jars(), *jars.class_path('s3a')):
    shutil.copy(jar, '.venv/spark/jars')"
$uv uninstall --quiet -p $python jgo # it has fetched the jars
# 90 MB that nothing here imports: Kubernetes' client a second time, for asyncio; Arrow's RPC; zstd for interpreters that cannot load its C module.
rm -rf "$site"/kubernetes/aio "$site"/pyarrow/*flight* "$site"/zstandard/_cffi.*.so "$site"/zstandard/backend_cffi.py
$uv install --quiet -p $python --no-deps --build-constraints requirements-build.txt -e .
rm -f "$site"/weir-*.dist-info/uv_cache.json "$site"/weir-*.dist-info/REQUESTED .venv/.lock
sed -i "/uv_cache.json\|REQUESTED/d" "$site"/weir-*.dist-info/RECORD # uv_cache.json is dated

find plugins spark_jobs dags -name __pycache__ -prune -exec rm -rf {} +
$python -m compileall -q --invalidation-mode checked-hash plugins spark_jobs dags
$python -m compileall -q --invalidation-mode checked-hash "$site"/__editable__* # alone: after others its bytecode differed from build to build

/build/bin/python bin/sbom.py .venv requirements.txt plugins/weir/local/jars.lock /run/dpkg-status /etc/os-release > sbom.cdx.json
# Only what is new: to touch a file of an earlier layer is to copy it.
find . -newermt "@$SOURCE_DATE_EPOCH" ! -type l -exec chmod go=rX {} + -exec touch -d "@$SOURCE_DATE_EPOCH" {} +
