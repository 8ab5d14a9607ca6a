package rtsptest

import "time"

// clockScripts are about RTP time and sender reports.
func clockScripts() []Script {
	return []Script{
		{"no-reports", "The camera sends no sender reports.", Camera{Clock: Clock{None: true}}},
		{"late-reports", "The first sender report comes after two seconds.", Camera{Clock: Clock{First: 2 * time.Second}}},
		{"wrap", "The 32-bit RTP time wraps after two seconds.", Camera{FirstRTP: 1<<32 - 2*90000}},
		{"jump-forward", "RTP times jump an hour ahead.", Camera{Faults: []Fault{{Kind: Jump, After: 30, By: time.Hour}}}},
		{"jump-back", "RTP times jump ten minutes back.", Camera{Faults: []Fault{{Kind: Jump, After: 30, By: -10 * time.Minute}}}},
		{"wild-clock", "The camera's clock is 26 years behind.", Camera{Clock: Clock{Offset: -26 * 365 * 24 * time.Hour}}},
		{"drifting-clock", "The camera's clock is an hour ahead and gains a second in twenty.", Camera{
			Clock: Clock{Offset: time.Hour, Drift: 0.05, Every: 500 * time.Millisecond},
		}},
		{"clock-set", "The camera's clock is set while it sends.", Camera{
			Clock: Clock{Every: 500 * time.Millisecond}, Faults: []Fault{{Kind: Step, After: 30, By: -5 * time.Second}},
		}},
		{"report-fractions", "Sender reports describe instants at every fraction of a second.", Camera{
			Clock: Clock{Every: 50 * time.Millisecond, Instant: func(now time.Time) time.Time {
				return now.Add(-time.Duration(now.UnixMicro()/997%1000) * time.Millisecond)
			}},
		}},
		{"odd-reports", "Sender reports stand in compound packets among reports that end too early.", Camera{
			Clock: Clock{Every: 500 * time.Millisecond, Around: oddReport},
		}},
		{"frozen-time", "All pictures have one RTP time.", Camera{Faults: []Fault{{Kind: Freeze}}}},
		{"frozen-time-loss", "All pictures have one RTP time, and packets are missing from two.", Camera{
			Faults: []Fault{{Kind: Freeze}, {Kind: Drop, After: 60, For: 2}},
		}},
		{"time-freezes", "Ten pictures have one RTP time.", Camera{Faults: []Fault{{Kind: Freeze, After: 40, For: 10}}}},
	}
}
