package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
)

// bar is a promise of the project and what was measured of it.
type bar struct {
	what  string
	got   float64
	limit float64
	least bool // limit is the least allowed; otherwise the most
}

func (b bar) met() bool {
	if b.least {
		return b.got >= b.limit
	}
	return b.got <= b.limit
}

func median[T cmp.Ordered](all []T) T {
	all = slices.Clone(all)
	slices.Sort(all)
	return all[len(all)/2]
}

// figure is a column of the table.
type figure struct {
	name, format string
	of           func(u usage) float64
}

var figures = []figure{
	{"CPU s", "%.2f", func(u usage) float64 { return u.cpu.Seconds() }},
	{"resident MB", "%.1f", func(u usage) float64 { return float64(u.resident) / 1e6 }},
	{"sent to disk MB", "%.1f", func(u usage) float64 { return float64(u.written) / 1e6 }},
	{"recorded MB", "%.1f", func(u usage) float64 { return float64(u.recorded) / 1e6 }},
}

func (s *side) median(f figure) float64 {
	var all []float64
	for _, u := range s.rounds {
		all = append(all, f.of(u))
	}
	return median(all)
}

// table prints the medians of the rounds and returns the bars they are about.
func table(all []*side) (bars []bar) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', 0)
	fmt.Fprintf(w, "| median of %d × %v \t| streams ", *rounds, *length)
	for _, f := range figures {
		fmt.Fprintf(w, "\t| %s ", f.name)
	}
	fmt.Fprint(w, "\t| CPU ms a stream and s \t|\n|---\t|---:")
	for range figures {
		fmt.Fprint(w, "\t|---:")
	}
	fmt.Fprintln(w, "\t|---:\t|")
	by := map[string]*side{}
	for _, s := range all {
		by[s.key] = s
		fmt.Fprintf(w, "| %s \t| %d ", s.name, s.streams)
		for _, f := range figures {
			fmt.Fprintf(w, "\t| "+f.format+" ", s.median(f))
		}
		fmt.Fprintf(w, "\t| %.2f \t|\n", s.median(figures[0])*1e3/length.Seconds()/float64(s.streams))
	}
	w.Flush()
	fmt.Println()
	return compare(by)
}

// compare makes the bars of the sides that ran.
func compare(by map[string]*side) (bars []bar) {
	cpu, resident := figures[0], figures[1]
	ratio := func(what string, f figure, a, b string, limit float64) {
		if by[a] != nil && by[b] != nil {
			bars = append(bars, bar{what: what, got: by[a].median(f) / by[b].median(f), limit: limit})
		}
	}
	ratio("CPU against MediaMTX", cpu, "hub", "mediamtx", 0.6)
	ratio("memory against MediaMTX", resident, "hub", "mediamtx", 0.9)
	ratio("CPU against ffmpeg", cpu, "hub", "ffmpeg", 0.55)
	ratio(fmt.Sprintf("CPU of %d streams against %d", *many, *few), cpu, "large", "hub", 4.3)
	if s := by["large"]; s != nil {
		bars = append(bars, bar{what: fmt.Sprintf("resident MB of %d streams", *many), got: s.median(resident), limit: 100})
	}
	return bars
}

// verdict prints the bars and reports whether all are met.
func verdict(bars []bar) bool {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', 0)
	fmt.Fprint(w, "| bar \t| measured \t| limit \t| \t|\n|---\t|---:\t|---:\t|---\t|\n")
	all := true
	for _, b := range bars {
		sign, word := "≤", "met"
		if b.least {
			sign = "≥"
		}
		if !b.met() {
			word, all = "**missed**", false
		}
		fmt.Fprintf(w, "| %s \t| %.3g \t| %s %.3g \t| %s \t|\n", b.what, b.got, sign, b.limit, word)
	}
	w.Flush()
	return all
}
