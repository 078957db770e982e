#!/bin/sh
# What `make up` ends with: deploy error_counts, send the sample once, and show its counts. Each line is a command that you can run by itself:
# docker compose run --rm weir deploy error_counts
set -e
weir deploy error_counts
weir ingest /weir/samples/sample.log --service sample --resume
weir wait error_counts --lag 0 --timeout 10m # on a busy machine a driver's start takes minutes
weir counts --window 1d --by service,level --levels all --service sample
