package evidence_test

import (
	"bytes"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse/hub/evidence"
)

// A hub that signs what it likes still cannot make its ledger have noted what
// it had not.
func TestFootageIsNotedInTheLedger(t *testing.T) {
	h, p := small(t)
	files, names := untar(t, h.plain(t, p))
	proof, notes := p.ID+"/custody/cam-A.proof", p.ID+"/custody/recordings.jsonl"
	replace := func(pattern string, with string) func(map[string][]byte) {
		return func(f map[string][]byte) {
			was := f[proof]
			if f[proof] = regexp.MustCompile(pattern).ReplaceAll(was, []byte(with)); bytes.Equal(was, f[proof]) {
				t.Fatalf("%s is not in the proof:\n%s", pattern, was)
			}
		}
	}
	for name, edit := range map[string]func(f map[string][]byte){
		"as it was":            func(map[string][]byte) {},
		"another entry":        replace(`"line": \d+`, `"line": 7`),
		"another slot":         replace(`"slot": \d+`, `"slot": 256`),
		"another place":        replace(`"index": 0`, `"index": 1`),
		"another root":         replace(`"links": ".{64}"`, `"links": "`+strings.Repeat("ab", 32)+`"`),
		"another salt":         replace(`"salt": ".{64}"`, `"salt": "`+strings.Repeat("ab", 32)+`"`),
		"a short hash":         replace(`"salt": ".{64}"`, `"salt": "ab"`),
		"no note of recording": func(f map[string][]byte) { f[notes] = nil },
		"a note of a request":  func(f map[string][]byte) { f[notes] = f[p.ID+"/custody/events.jsonl"] },
	} {
		t.Run(name, func(t *testing.T) {
			changed := map[string][]byte{}
			for n, b := range files {
				changed[n] = bytes.Clone(b)
			}
			edit(changed)
			if err := evidence.Resign(t.Context(), h.cfg.Key, p.ID, changed); err != nil {
				t.Fatal(err)
			}
			results, err := verify(t, write(t, "p.tar", retar(t, changed, names, p.SealedAt)), evidence.VerifyConfig{})
			if name == "as it was" {
				told := slices.ContainsFunc(results, func(r evidence.Result) bool {
					return r.What == "chain" && strings.Contains(r.Text, "the home's ledger has noted 1 of them")
				})
				if err != nil || !told {
					t.Errorf("%v, %+v", err, results)
				}
				return
			}
			if !errors.Is(err, evidence.ErrVerify) || !strings.Contains(err.Error(), "chain:") {
				t.Errorf("it verifies, or fails elsewhere: %v", err)
			}
		})
	}
}
