package request

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/finding"
	"gatehouse/hub/internal/durable"
	"gatehouse/hub/internal/yamledit"
	"gatehouse/hub/ledger"
)

const (
	maxAllowedFile = 16 << 10
	maxAllowed     = 10000
	allowedExt     = ".yml"
)

// parseAllowed reads one allowlist file. Every member but private_uploads must
// be there, and no other.
func parseAllowed(data []byte) (Allowed, error) {
	if len(data) > maxAllowedFile {
		return Allowed{}, errors.New("the file is too large")
	}
	var a Allowed
	d := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict())
	if err := d.Decode(&a); err != nil {
		return Allowed{}, fmt.Errorf("not an allowlist file: %w", err)
	}
	var more any
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		return Allowed{}, errors.New("more than one document")
	}
	root, err := hex.DecodeString(a.Root)
	switch {
	case !bulletin.IsDNSName(a.Agency):
		return Allowed{}, errors.New("agency is not a lower-case DNS name")
	case err != nil || len(root) != 32 || strings.ToLower(a.Root) != a.Root:
		return Allowed{}, errors.New("root is not 64 lower-case hexadecimal digits")
	case a.Name == "" || len(a.Name) > 200 || a.CallBack == "" || len(a.CallBack) > 100:
		return Allowed{}, errors.New("name or call_back is missing or too long")
	case a.Added.IsZero():
		return Allowed{}, errors.New("added is missing")
	}
	a.Added = a.Added.UTC()
	return a, nil
}

// readAllowlist reads a folder. One bad file makes the whole list bad: half a
// list is not what the owner wrote.
func readAllowlist(dir string) (map[string]Allowed, error) {
	list := map[string]Allowed{}
	if dir == "" {
		return list, nil
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		name := f.Name()
		if f.IsDir() || strings.HasPrefix(name, ".") || filepath.Ext(name) != allowedExt {
			continue
		}
		a, err := readAllowed(dir, name)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		list[a.Agency] = a
		if len(list) > maxAllowed {
			return nil, fmt.Errorf("more than %d agencies", maxAllowed)
		}
	}
	return list, nil
}

func readAllowed(dir, name string) (Allowed, error) {
	f, err := os.OpenInRoot(dir, name)
	if err != nil {
		return Allowed{}, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxAllowedFile+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return Allowed{}, err
	}
	a, err := parseAllowed(data)
	if err != nil {
		return Allowed{}, err
	}
	if a.Agency+allowedExt != name {
		return Allowed{}, fmt.Errorf("the file of %s is called %s%s", a.Agency, a.Agency, allowedExt)
	}
	return a, nil
}

// folder reads the allowlist folder without the agencies that the owner removed
// and whose files are still there. The caller holds reloading.
func (s *Service) folder() (map[string]Allowed, error) {
	list, err := readAllowlist(s.cfg.Agencies)
	if err != nil {
		return nil, err
	}
	for agency := range s.removed {
		if _, there := list[agency]; !there {
			delete(s.removed, agency)
		}
		delete(list, agency)
	}
	return list, nil
}

// reload reads the allowlist again. If a file is bad, the last good list stays
// in force, and Problems says so.
func (s *Service) reload(ctx context.Context, by string) error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	list, bad := s.folder()
	if bad != nil {
		s.setProblem("allowlist", finding.New("allowlist-file").Quoting(bad.Error()))
		return nil
	}
	s.setProblem("allowlist", finding.Finding{})
	return s.apply(ctx, list, by)
}

// apply puts a list in force, which the ledger is told before, and judges
// anew what that changes. The caller holds reloading.
func (s *Service) apply(ctx context.Context, list map[string]Allowed, by string) error {
	s.mu.Lock()
	old := s.allowed
	s.mu.Unlock()
	entries, agencies := s.listEntries(old, list, by)
	if len(agencies) == 0 {
		return nil
	}
	if err := s.cfg.Store.PutAllowlist(ctx, slices.Collect(maps.Values(list)), entries...); err != nil {
		return fmt.Errorf("recording the change of the allowlist: %w", err)
	}
	s.mu.Lock()
	s.allowed = list
	s.profiled = append(s.profiled, agencies...)
	s.mu.Unlock()
	for _, agency := range agencies {
		if err := s.rejudgeAgency(ctx, agency); err != nil {
			return err
		}
	}
	s.cancelDue(ctx)
	return nil
}

// listEntries compares two lists.
func (s *Service) listEntries(old, list map[string]Allowed, by string) (entries []ledger.Entry, agencies []string) {
	add := func(kind ledger.Kind, a Allowed, text string) {
		agencies = append(agencies, a.Agency)
		entries = append(entries, s.entry(Record{Agency: a.Agency}, kind,
			map[string]any{"root": a.Root, "call_back": a.CallBack, "private_uploads": a.PrivateUploads}, text, a.Name, a.Agency, by))
	}
	for _, agency := range slices.Sorted(maps.Keys(list)) {
		a, was := list[agency], old[agency]
		switch {
		case a == was:
		case was.Agency == "":
			add(ledger.AgencyAdded, a, "%s (%s) was put on the allowlist by %s.")
		case a.Root != was.Root:
			add(ledger.AgencyChanged, a, "Other root keys were confirmed for %s (%s) by %s.")
		default:
			add(ledger.AgencyChanged, a, "The allowlist's entry of %s (%s) was changed by %s.")
		}
	}
	for _, agency := range slices.Sorted(maps.Keys(old)) {
		if _, kept := list[agency]; !kept {
			add(ledger.AgencyRemoved, old[agency], "%s (%s) was taken off the allowlist by %s.")
		}
	}
	return entries, agencies
}

// openAllowlist reads the folder at the start and tells the ledger what was
// edited in it since the last run; Run judges anew what that changes.
func (s *Service) openAllowlist(ctx context.Context) error {
	list, err := s.folder()
	if err != nil {
		return fmt.Errorf("reading allowlist: %w", err)
	}
	last, err := s.cfg.Store.Allowlist(ctx)
	if err != nil {
		return err
	}
	old := map[string]Allowed{}
	for _, a := range last {
		old[a.Agency] = a
	}
	entries, agencies := s.listEntries(old, list, "an edit of the agencies folder while the hub was not running")
	if len(agencies) > 0 {
		if err := s.cfg.Store.PutAllowlist(ctx, slices.Collect(maps.Values(list)), entries...); err != nil {
			return fmt.Errorf("recording the change of the allowlist: %w", err)
		}
	}
	s.allowed, s.relisted = list, agencies
	return nil
}

// Allowlist returns the agencies allowed, by name.
func (s *Service) Allowlist() []Allowed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.allowed), func(a, b Allowed) int {
		return strings.Compare(a.Name+"\n"+a.Agency, b.Name+"\n"+b.Agency)
	})
}

// Known returns the verified profiles seen in bulletins, for the owner to
// choose from: the latest of each agency and root, by name and version.
func (s *Service) Known(context.Context) ([]bulletin.VerifiedProfile, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []bulletin.VerifiedProfile
	for _, list := range s.known {
		out = append(out, list...)
	}
	slices.SortFunc(out, func(a, b bulletin.VerifiedProfile) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Agency, b.Agency), a.Version-b.Version, strings.Compare(a.RootID, b.RootID))
	})
	return out, nil
}

// Allow pins an agency's root keys, which the owner was shown the fingerprint
// of, into the allowlist folder and judges its requests again. It also confirms
// an agency's new root keys. A root that is not Known gives ErrRoot, a folder
// with a bad file ErrAllowlist; nothing is written then.
func (s *Service) Allow(ctx context.Context, agency, root, by string) (Allowed, error) {
	a, err := s.allow(ctx, agency, root, by)
	if err != nil {
		return Allowed{}, err
	}
	return a, s.settle(ctx)
}

func (s *Service) allow(ctx context.Context, agency, root, by string) (Allowed, error) {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	s.mu.Lock()
	known := s.known[agency]
	s.mu.Unlock()
	if len(known) == 0 {
		return Allowed{}, ErrUnknown
	}
	p, ok := ofRoot(known, root)
	if !ok {
		return Allowed{}, ErrRoot
	}
	delete(s.removed, agency)
	list, err := s.folder()
	if err != nil {
		return Allowed{}, fmt.Errorf("%w: %w", ErrAllowlist, err)
	}
	a := Allowed{
		Agency: agency, Name: p.Name, Root: p.RootID, CallBack: p.CallBack,
		Added: s.cfg.Now().UTC().Truncate(time.Second), PrivateUploads: list[agency].PrivateUploads,
	}
	if err := s.writeAllowed(a); err != nil {
		return Allowed{}, err
	}
	list[agency] = a
	return a, s.apply(ctx, list, by)
}

// writeAllowed leaves what the owner wrote beside it in the file, comments too.
func (s *Service) writeAllowed(a Allowed) error {
	old, err := os.ReadFile(s.allowedFile(a.Agency))
	var data []byte
	switch {
	case errors.Is(err, os.ErrNotExist):
		data, err = yaml.Marshal(a)
	case err == nil:
		data, err = yamledit.Rewrite(old, yamledit.Set("name", a.Name), yamledit.Set("root", a.Root),
			yamledit.Set("call_back", a.CallBack), yamledit.Set("added", a.Added.Format(time.RFC3339)))
	}
	if err == nil {
		_, err = parseAllowed(data)
	}
	if err == nil {
		err = durable.Swap(s.allowedFile(a.Agency), old, data, 0o600)
	}
	if err != nil {
		return fmt.Errorf("writing allowlist: %w", err)
	}
	return nil
}

// Disallow removes an agency; its waiting requests become not-listed and its
// deliveries that have not begun are cancelled. It is out of force before
// anything else, and stays so while the hub runs even if its file cannot be removed.
func (s *Service) Disallow(ctx context.Context, agency, by string) error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	s.mu.Lock()
	old := s.allowed
	if _, ok := old[agency]; !ok {
		s.mu.Unlock()
		return ErrNotFound
	}
	list := cloneList(old)
	delete(list, agency)
	s.allowed = list
	s.mu.Unlock()
	s.removed[agency] = true
	err := durable.Remove(s.allowedFile(agency))
	if err == nil {
		delete(s.removed, agency)
	} else {
		err = fmt.Errorf("writing allowlist: %w", err)
	}
	entries, _ := s.listEntries(old, list, by)
	if put := s.cfg.Store.PutAllowlist(ctx, slices.Collect(maps.Values(list)), entries...); put != nil {
		err = errors.Join(err, fmt.Errorf("recording the change of the allowlist: %w", put))
	}
	err = errors.Join(err, s.rejudgeAgency(ctx, agency))
	s.cancelDue(ctx)
	return err
}

func cloneList(list map[string]Allowed) map[string]Allowed {
	out := maps.Clone(list)
	if out == nil {
		out = map[string]Allowed{}
	}
	return out
}

func (s *Service) allowedFile(agency string) string {
	return filepath.Join(s.cfg.Agencies, agency+allowedExt)
}
