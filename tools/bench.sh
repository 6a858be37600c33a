#!/bin/sh
# Prints the project's ratios, each against a peer or a limit measured in the
# same run: make bench. Takes some minutes and about 10 GiB of disk. The open
# lane's part alone takes about 25; one of its own parts, or fewer cases:
#   KUA_BENCH_CASES=100000 go test -run '^$' -bench 'Lane/sqlite/search' -benchtime 1x -timeout 90m ./internal/lane/laneweb
set -eu
go test -tags bench -count=1 -timeout 60m -run . -bench '^$' ./bench
go test -count=1 -timeout 90m -run '^$' -bench . -benchtime 1x ./internal/node ./internal/site ./internal/edition ./internal/media ./internal/track ./internal/likeness ./internal/desk ./internal/gate ./internal/verify ./internal/reader ./internal/lane/laneweb
