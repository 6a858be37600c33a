#!/bin/sh
# Prints the project's ratios, each against a peer or a limit measured in the
# same run: make bench. Takes some minutes and about 10 GiB of disk.
set -eu
go test -tags bench -count=1 -timeout 60m -run . ./bench
go test -count=1 -timeout 90m -run '^$' -bench . -benchtime 1x ./internal/node ./internal/site ./internal/edition ./internal/media ./internal/track ./internal/likeness ./internal/desk ./internal/gate ./internal/verify ./internal/lane/laneweb
