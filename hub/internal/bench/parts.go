package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// part is a benchmark and what bars are about of the values it reports.
type part struct {
	folder, name string
	times        int // how often it runs; a mean is reported
	values       []value
}

// value is one that a benchmark reports by its unit, and its bar, which counts in
// so many of them.
type value struct {
	unit string
	each float64
	bar  bar
}

var allParts = []part{
	{"./hub/recording", "BenchmarkSteady", 1, []value{
		{"allocs/unit", 1, bar{what: "allocations an access unit, socket to file", limit: 1}},
		{"writes/fragment", 1, bar{what: "writes a fragment", limit: 1.2}},
	}},
	{"./hub/recording", "BenchmarkScale", 1, []value{
		{"s/start", 1, bar{what: "s to start with 1,000,000 segments", limit: 2}},
		{"file-ops/start", 1, bar{what: "operations on the disk's files meanwhile", limit: 20}},
		{"ms/day", 1, bar{what: "ms to list a day of one of 16 cameras", limit: 20}},
		{"ms/pause", 1, bar{what: "ms a recorder was held up at most during 10,000 deletions", limit: 2000}},
	}},
	{"./hub/clip", "BenchmarkExport", 1, []value{
		{"ms-first-byte", 1, bar{what: "ms to the first byte of a download of ten minutes", limit: 20}},
		{"of-cat", 1, bar{what: "its speed against cat of the same files", limit: 0.8, least: true}},
	}},
	{"./hub/bulletin", "BenchmarkTenThousand", 3, []value{
		{"s-of-each-of-2-cores", 1, bar{what: "s of each of two cores for 10,000 requests", limit: 1}},
	}},
	{"./hub/bulletin", "BenchmarkHourOfTheCountry", 3, []value{
		{"ns/op", 1e6, bar{what: "ms for an hour of all agencies", limit: 20}},
	}},
	{"./hub/delivery", "BenchmarkTusBesideCurl", 1, []value{
		{"hub/curl", 1, bar{what: "speed of an upload against curl", limit: 0.8, least: true}},
	}},
}

// measureParts runs the benchmarks one after the other. One that fails at its
// own bar has reported its values all the same.
func measureParts(ctx context.Context) (bars []bar, err error) {
	for _, p := range allParts {
		c := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^"+p.name+"$", "-benchtime", fmt.Sprintf("%dx", p.times), p.folder)
		out, err := c.CombinedOutput()
		got := metrics(out, p.name)
		if got == nil {
			return nil, fmt.Errorf("running %s: %w\n%s", p.name, err, out)
		}
		for _, v := range p.values {
			n, ok := got[v.unit]
			if !ok {
				return nil, fmt.Errorf("%s reports no %s", p.name, v.unit)
			}
			v.bar.got = n / v.each
			bars = append(bars, v.bar)
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
