package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// part is a benchmark that reports what a bar is about.
type part struct {
	folder, name string
	bars         map[string]bar // by unit; got is filled in
	order        []string
}

var allParts = []part{
	{"./hub/recording", "BenchmarkSteady", map[string]bar{
		"allocs/unit":     {what: "allocations an access unit, socket to file", limit: 1},
		"writes/fragment": {what: "writes a fragment", limit: 1.2},
	}, []string{"allocs/unit", "writes/fragment"}},
	{"./hub/recording", "BenchmarkScale", map[string]bar{
		"s/start":        {what: "s to start with 1,000,000 segments", limit: 2},
		"file-ops/start": {what: "operations on the disk's files meanwhile", limit: 20},
		"ms/day":         {what: "ms to list a day of one of 16 cameras", limit: 20},
		"ms/pause":       {what: "ms a recorder was held up at most by 10,000 deletions", limit: 500},
	}, []string{"s/start", "file-ops/start", "ms/day", "ms/pause"}},
	{"./hub/clip", "BenchmarkExport", map[string]bar{
		"ms-first-byte": {what: "ms to the first byte of a download of ten minutes", limit: 20},
		"of-cat":        {what: "its speed against cat of the same files", limit: 0.8, least: true},
	}, []string{"ms-first-byte", "of-cat"}},
}

// measureParts runs the benchmarks one after the other.
func measureParts(ctx context.Context) (bars []bar, err error) {
	for _, p := range allParts {
		c := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^"+p.name+"$", "-benchtime", "1x", p.folder)
		out, err := c.CombinedOutput()
		got := metrics(out, p.name)
		if got == nil {
			return nil, fmt.Errorf("running %s: %w\n%s", p.name, err, out)
		}
		for _, unit := range p.order {
			b := p.bars[unit]
			v, ok := got[unit]
			if !ok {
				return nil, fmt.Errorf("%s reports no %s", p.name, unit)
			}
			b.got = v
			bars = append(bars, b)
		}
	}
	return bars, nil
}

// metrics reads a benchmark's line: name, number of runs, then values each with
// its unit. It is nil if there is none.
func metrics(out []byte, name string) map[string]float64 {
	for line := range bytes.Lines(out) {
		f := strings.Fields(string(line))
		if len(f) < 4 || f[0] != name && !strings.HasPrefix(f[0], name+"-") {
			continue
		}
		all := map[string]float64{}
		for i := 2; i+1 < len(f); i += 2 {
			if v, err := strconv.ParseFloat(f[i], 64); err == nil {
				all[f[i+1]] = v
			}
		}
		return all
	}
	return nil
}
