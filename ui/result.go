package ui

import (
	"context"
	"net/http"

	"gatehouse/hub/delivery"
	"gatehouse/hub/request"
)

// resultView is what became of an approval.
type resultView struct {
	ID      string
	Agency  string
	Count   int
	Long    string
	Bytes   string
	PackID  string
	Words   string
	Hex     string
	Word    string   // locale key: what the agency says became of it; "" if it says nothing
	Job     *jobView // nil until the outbox has a row
	Problem *problem
}

// jobView is one delivery.
type jobView struct {
	Ledger   int64
	State    delivery.State
	Badge    badge
	Sent     int64
	Bytes    int64
	SentText string
	AllText  string
	Percent  int
	Leaves   moment // end of the cool-down
	Left     string
	NextTry  moment
	Tries    int
	Detail   string // what the outbox says of it
	Finished moment
	Host     string
	CanSend  bool
	CanStop  bool
	Off      bool // waits for the network to be switched on
	Moving   bool // the page should look again
	Signed   bool // there is a receipt
	Pace     string
	Rest     string // time left at that pace
}

func (c *console) result(w http.ResponseWriter, r *http.Request) {
	rec, err := c.cfg.Requests.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.showResult(w, r, http.StatusOK, rec, nil)
}

func (c *console) showResult(w http.ResponseWriter, r *http.Request, status int, rec request.Record, p *problem) {
	v, err := c.resultBody(r.Context(), rec)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	if v.Job == nil && rec.State != request.Approved {
		http.Redirect(w, r, requestPath(rec.ID), http.StatusSeeOther)
		return
	}
	v.Problem = p
	c.render(w, r, status, "result", view{Title: "result.title", Place: "requests", Body: v})
}

func (c *console) progress(w http.ResponseWriter, r *http.Request) {
	rec, err := c.cfg.Requests.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		c.fail(w, r, err)
		return
	}
	v, err := c.resultBody(r.Context(), rec)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.fragment(w, r, "result", "progress", v)
}

func (c *console) resultBody(ctx context.Context, rec request.Record) (resultView, error) {
	v := resultView{ID: rec.ID, Agency: agencyName(rec)}
	if rec.Package != nil {
		s := c.sealed(*rec.Package)
		v.Count, v.Long, v.Bytes, v.PackID, v.Words, v.Hex = s.Count, s.Long, s.Bytes, s.ID, s.Words, s.Hex
	}
	if rec.Disposed != "" {
		v.Word = "result.disposition." + rec.Disposed
	}
	job, ok, err := c.job(ctx, rec.ID)
	if err != nil || !ok {
		return v, err
	}
	v.Job = c.jobView(job)
	return v, nil
}

// job is the newest delivery of a request; the outbox lists newest first.
func (c *console) job(ctx context.Context, id string) (delivery.Job, bool, error) {
	jobs, err := c.cfg.Outbox.Jobs(ctx)
	if err != nil {
		return delivery.Job{}, false, err
	}
	for _, j := range jobs {
		if j.Request == id {
			return j, true, nil
		}
	}
	return delivery.Job{}, false, nil
}

func (c *console) jobView(j delivery.Job) *jobView {
	v := &jobView{
		Ledger: j.Entry, State: j.State, Badge: jobBadge(j.State),
		Sent: j.Offset, Bytes: j.Bytes, SentText: c.text.size(j.Offset), AllText: c.text.size(j.Bytes),
		Tries: j.Attempts, Detail: c.text.told(j.Error), Finished: c.at(j.Finished, dayForm+", "+exactForm),
		Host: targetHost(j.Target), CanSend: j.State == delivery.Cooling, Signed: len(j.Receipt) > 0,
	}
	if v.Off = j.Off; v.Off {
		v.Badge = badge{Icon: "hourglass", Tone: "warn", Key: "job.off"}
	}
	if left := j.Left(); left > 0 {
		v.Pace, v.Rest = c.text.size(j.Rate), length(left)
	}
	switch j.State {
	case delivery.Cooling, delivery.Sending, delivery.Retrying:
		v.CanStop, v.Moving = true, true
	case delivery.Done:
		v.Sent, v.SentText = j.Bytes, c.text.size(j.Bytes)
	}
	if j.Bytes > 0 {
		v.Percent = int(100 * v.Sent / j.Bytes)
	}
	if j.State == delivery.Cooling {
		v.Leaves = c.at(j.NotBefore, exactForm)
		v.Left = length(max(j.NotBefore.Sub(c.cfg.Now()), 0))
	}
	if j.State == delivery.Retrying && j.NextTry.After(c.cfg.Now()) {
		v.NextTry = c.at(j.NextTry, exactForm)
	}
	return v
}

func jobBadge(s delivery.State) badge {
	b := badge{Key: "job." + string(s)}
	switch s {
	case delivery.Done:
		b.Icon, b.Tone = "circle-check", "ok"
	case delivery.Failed:
		b.Icon, b.Tone = "circle-alert", "danger"
	case delivery.Cancelled:
		b.Icon, b.Tone = "x", "quiet"
	case delivery.Retrying:
		b.Icon, b.Tone = "triangle-alert", "warn"
	case delivery.Sending:
		b.Icon, b.Tone = "send", "accent"
	default:
		b.Icon, b.Tone = "hourglass", "warn"
	}
	return b
}

// sendNow ends the cool-down. A delivery that has left by itself in the
// meantime does what was asked already.
func (c *console) sendNow(w http.ResponseWriter, r *http.Request) {
	job, ok, err := c.job(r.Context(), r.PathValue("id"))
	if err == nil && ok && (job.State == delivery.Sending || job.State == delivery.Retrying || job.State == delivery.Done) {
		http.Redirect(w, r, requestPath(r.PathValue("id"))+"/result", http.StatusSeeOther)
		return
	}
	c.steer(w, r, c.cfg.Outbox.SendNow, delivery.Cooling)
}

func (c *console) cancel(w http.ResponseWriter, r *http.Request) {
	c.steer(w, r, c.cfg.Outbox.Cancel, delivery.Cooling, delivery.Sending, delivery.Retrying)
}

// steer acts on a request's delivery while it is in one of the given states.
func (c *console) steer(w http.ResponseWriter, r *http.Request, act func(context.Context, int64) error, while ...delivery.State) {
	rec, err := c.cfg.Requests.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		c.fail(w, r, err)
		return
	}
	job, ok, err := c.job(r.Context(), rec.ID)
	if err == nil {
		err = errTooLate
		for _, s := range while {
			if ok && job.State == s {
				err = act(r.Context(), job.ID)
			}
		}
	}
	if err != nil {
		p := c.explainFor(r, err)
		c.showResult(w, r, p.Status, rec, &p)
		return
	}
	http.Redirect(w, r, requestPath(rec.ID)+"/result", http.StatusSeeOther)
}
