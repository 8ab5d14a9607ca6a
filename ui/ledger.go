package ui

import (
	"encoding/json"
	"net/http"
	"strconv"

	"gatehouse/hub/ledger"
)

// ledgerPage is how many entries a page shows.
const ledgerPage = 50

// ledgerView is a page of the ledger, newest first.
type ledgerView struct {
	Rows  []ledgerRow
	Size  int64
	Older string // address; empty at the end
	Newer string
}

type ledgerRow struct {
	Index   int64
	When    moment
	Icon    string
	Tone    string
	Kind    string // locale key
	Text    string
	Request string
	Agency  string
	Cameras []cameraLink // that the entry names
}

// ledger shows the entries before ?before=, or the newest.
func (c *console) ledger(w http.ResponseWriter, r *http.Request) {
	total, err := c.cfg.Ledger.Size()
	if err != nil {
		c.fail(w, r, err)
		return
	}
	end := total
	if n, err := strconv.ParseInt(r.FormValue("before"), 10, 64); err == nil && n >= 0 && n < total {
		end = n
	}
	start := max(end-ledgerPage, 0)
	v := ledgerView{Size: total}
	if end > start {
		entries, err := c.cfg.Ledger.Entries(r.Context(), start, int(end-start))
		if err != nil {
			c.fail(w, r, err)
			return
		}
		for i := len(entries) - 1; i >= 0; i-- {
			v.Rows = append(v.Rows, c.ledgerRow(entries[i]))
		}
	}
	if start > 0 {
		v.Older = "/ledger?before=" + strconv.FormatInt(start, 10)
	}
	if end < total {
		v.Newer = "/ledger?before=" + strconv.FormatInt(min(end+ledgerPage, total), 10)
	}
	c.render(w, r, http.StatusOK, "ledger", view{Title: "ledger.title", Place: "ledger", Body: v})
}

func (c *console) ledgerRow(e ledger.Entry) ledgerRow {
	row := ledgerRow{
		Index: e.Index, When: c.at(e.Time, dayForm+", "+exactForm), Kind: "ledger.kind." + string(e.Kind),
		Text: e.Text, Request: e.Request, Agency: e.Agency, Icon: "circle-dot", Tone: "quiet",
	}
	if !c.text.has(row.Kind) {
		row.Kind = "ledger.kind.other"
	}
	var data struct {
		Cameras []string `json:"cameras"`
	}
	if json.Unmarshal(e.Data, &data) == nil { // other kinds have other data
		for _, name := range data.Cameras {
			row.Cameras = append(row.Cameras, cameraLink{Name: name, Label: c.called(name)})
		}
	}
	switch e.Kind {
	case ledger.Given, ledger.HandedOver:
		row.Icon, row.Tone = "hand", "accent"
	case ledger.Noted:
		row.Icon, row.Tone = "circle-check", "ok"
	case ledger.Approved, ledger.Sent:
		row.Icon, row.Tone = "send", "accent"
	case ledger.Receipt:
		row.Icon, row.Tone = "circle-check", "ok"
	case ledger.Failed, ledger.Refused:
		row.Icon, row.Tone = "circle-alert", "danger"
	case ledger.Received, ledger.Shown:
		row.Icon, row.Tone = "inbox", "hold"
	case ledger.Kept, ledger.KeptChanged, ledger.Released:
		row.Icon = "bookmark"
	case ledger.Held, ledger.Prepared:
		row.Icon, row.Tone = "lock", "hold"
	case ledger.Declined, ledger.Cancelled, ledger.Expired, ledger.Withdrawn:
		row.Icon = "x"
	case ledger.AgencyAdded, ledger.AgencyChanged, ledger.AgencyRemoved:
		row.Icon = "building-2"
	}
	return row
}
