package ledger

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"
)

// headsData is the Data of an entry of kind [Recordings].
type headsData struct {
	Root string `json:"root"` // hex
}

// HeadsEntry is the entry that notes the root over the links of recorded segments.
func HeadsEntry(root [32]byte, at time.Time) Entry {
	data, _ := json.Marshal(headsData{hex.EncodeToString(root[:])}) // a string always marshals
	return Entry{Time: at, Kind: Recordings, Text: "The digests of what was recorded since the last such note were noted.", Data: data}
}

// HeadsRoot is the root in an entry that HeadsEntry made.
func HeadsRoot(e Entry) (root [32]byte, err error) {
	var d headsData
	if e.Kind != Recordings || json.Unmarshal(e.Data, &d) != nil {
		return root, errors.New("the entry notes no recordings")
	}
	b, err := hex.DecodeString(d.Root)
	if err != nil || copy(root[:], b) != len(root) || len(b) != len(root) {
		return root, errors.New("the entry's root is malformed")
	}
	return root, nil
}
