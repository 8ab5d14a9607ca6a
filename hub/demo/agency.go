package demo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gatehouse/hub/agency"
	"gatehouse/hub/bulletin"
	"gatehouse/hub/evidence"
	"gatehouse/hub/internal/durable"
)

// Ask publishes a request for the last 20 minutes around the home, signed by
// an officer and a supervisor, and returns its id.
func (w *World) Ask(now time.Time) (string, error) {
	dir := w.agencyDir()
	profile, err := agency.LoadProfile(dir)
	if err != nil {
		return "", err
	}
	now = now.UTC().Truncate(time.Second)
	window := bulletin.Window{From: now.Add(-20 * time.Minute), To: now}
	q, err := agency.Draft(profile, agency.DraftConfig{
		Case: now.Format("LP-2006-150405"), Category: "package_theft", Headline: "Parcel taken from a porch on Shore Road",
		Summary: "A parcel was taken from a porch a few minutes ago. A dark van was seen leaving towards the lake. " +
			"Footage of the street or of your own drive may show its direction.",
		Window: window, NotRelatedTo: bulletin.Attestations(),
		Centre: bulletin.Point{Lat: home.Lat + 0.0010, Lon: home.Lon - 0.0014}, Radius: 380, Description: "Shore Road, from the boat ramp to Pine Lane",
		Officer: bulletin.Officer{
			Name: "Dana Whitfield", Badge: "4471", Unit: "Property crimes",
			Phone: "+1 231 555 0148", Email: "d.whitfield@lakeside-police.example",
		},
		Supervisor: bulletin.Officer{Name: "Luis Ortega", Badge: "2210"},
		Now:        now,
	})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "requests", q.ID+".json")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("asking: %w", err)
	}
	if err := agency.WriteDraft(path, q); err != nil {
		return "", err
	}
	for _, key := range []string{"officer", "supervisor"} {
		s, err := agency.Sign(agency.SignConfig{Profile: profile.Envelope, In: path, Key: filepath.Join(dir, "keys", key+".key"), Now: now})
		if err != nil {
			return "", err
		}
		path = s.Path
	}
	envelope, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("asking: %w", err)
	}
	_, err = agency.Publish(agency.PublishConfig{Dir: dir}, envelope)
	return q.ID, err
}

// AllowPrivateUploads edits an allowlist file as an owner would whose agency is
// on their own network: the demo's is on this machine.
func AllowPrivateUploads(path string) error {
	text, err := os.ReadFile(path)
	if err == nil && !strings.Contains(string(text), "private_uploads") {
		err = durable.WriteFile(path, append(text, "private_uploads: true\n"...), 0o600)
	}
	if err != nil {
		return fmt.Errorf("editing the allowlist: %w", err)
	}
	return nil
}

// Received finds a package among those the agency has; there must be one of that id.
func (w *World) Received(id string) (path string, err error) {
	files, err := filepath.Glob(filepath.Join(w.agencyDir(), "received", id+"-*.ghe"))
	if err != nil {
		return "", fmt.Errorf("looking for the package: %w", err)
	}
	if len(files) != 1 {
		return "", fmt.Errorf("the agency has package %s %d times", id, len(files))
	}
	return files[0], nil
}

// Verify opens a received package as the agency does, and checks all of it.
func (w *World) Verify(ctx context.Context, path string, report func(evidence.Result)) error {
	identities, err := agency.LoadIdentities(w.agencyDir())
	if err != nil {
		return err
	}
	return evidence.Verify(ctx, path, evidence.VerifyConfig{Identities: identities, BulletinKey: w.feed.Log}, report)
}
