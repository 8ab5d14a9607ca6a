package request

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/internal/durable"
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
	case !isDNSName(a.Agency):
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

// isDNSName accepts what may be a file name as well: labels of a-z, 0-9 and -.
func isDNSName(s string) bool {
	if len(s) > 253 {
		return false
	}
	labels := strings.Split(s, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' ||
			strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return len(labels) >= 2
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

// reload reads the allowlist again. If a file is bad, the last good list stays
// in force, Problems says so, and the file's error is returned as bad.
func (s *Service) reload(ctx context.Context, by string) (bad, err error) {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	list, bad := readAllowlist(s.cfg.Agencies)
	if bad != nil {
		s.setProblem("allowlist", "The allowlist has a bad file, so the last good list stays in force: "+bad.Error()+".")
		return bad, nil
	}
	s.setProblem("allowlist", "")
	s.mu.Lock()
	old := s.allowed
	s.allowed = list
	s.mu.Unlock()
	entries, agencies := s.listEntries(old, list, by)
	if len(agencies) == 0 {
		return nil, nil
	}
	if len(entries) > 0 {
		if _, err := s.cfg.Store.AppendEntries(ctx, entries...); err != nil {
			return nil, fmt.Errorf("recording the change of the allowlist: %w", err)
		}
	}
	for _, agency := range agencies {
		if err := s.rejudgeAgency(ctx, agency); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// listEntries compares two lists.
func (s *Service) listEntries(old, list map[string]Allowed, by string) (entries []ledger.Entry, agencies []string) {
	add := func(kind ledger.Kind, a Allowed, text string) {
		entries = append(entries, s.entry(Record{Agency: a.Agency}, kind,
			map[string]any{"root": a.Root}, text, a.Name, a.Agency, by))
	}
	for _, agency := range slices.Sorted(maps.Keys(list)) {
		a, was := list[agency], old[agency]
		if a == was {
			continue
		}
		agencies = append(agencies, agency)
		if a.Root != was.Root {
			add(ledger.AgencyAdded, a, "%s (%s) was put on the allowlist by %s.")
		}
	}
	for _, agency := range slices.Sorted(maps.Keys(old)) {
		if _, kept := list[agency]; !kept {
			agencies = append(agencies, agency)
			add(ledger.AgencyRemoved, old[agency], "%s (%s) was taken off the allowlist by %s.")
		}
	}
	return entries, agencies
}

// Allowlist returns the agencies allowed, by name.
func (s *Service) Allowlist() []Allowed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.allowed), func(a, b Allowed) int {
		return strings.Compare(a.Name+"\n"+a.Agency, b.Name+"\n"+b.Agency)
	})
}

// Known returns the verified profiles seen in bulletins, for the owner to choose from; by name.
func (s *Service) Known(context.Context) ([]bulletin.VerifiedProfile, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.known), func(a, b bulletin.VerifiedProfile) int {
		return strings.Compare(a.Name+"\n"+a.Agency, b.Name+"\n"+b.Agency)
	}), nil
}

// Allow pins an agency's profile (it must be Known) into the allowlist folder
// and judges its requests again. It also confirms an agency's new root keys.
func (s *Service) Allow(ctx context.Context, agency, by string) (Allowed, error) {
	s.mu.Lock()
	p, ok := s.known[agency]
	was := s.allowed[agency]
	s.mu.Unlock()
	if !ok {
		return Allowed{}, ErrUnknown
	}
	a := Allowed{
		Agency: agency, Name: p.Name, Root: p.RootID, CallBack: p.CallBack,
		Added: s.cfg.Now().UTC().Truncate(time.Second), PrivateUploads: was.PrivateUploads,
	}
	data, err := yaml.Marshal(a)
	if err != nil {
		return Allowed{}, fmt.Errorf("writing allowlist: %w", err)
	}
	if _, err := parseAllowed(data); err != nil {
		return Allowed{}, fmt.Errorf("writing allowlist: %w", err)
	}
	if err := durable.WriteFile(s.allowedFile(agency), data, 0o600); err != nil {
		return Allowed{}, fmt.Errorf("writing allowlist: %w", err)
	}
	bad, err := s.reload(ctx, by)
	if err := errors.Join(bad, err); err != nil {
		return Allowed{}, fmt.Errorf("reading allowlist: %w", err)
	}
	return a, nil
}

// Disallow removes an agency; its waiting requests become not-listed.
func (s *Service) Disallow(ctx context.Context, agency, by string) error {
	s.mu.Lock()
	_, ok := s.allowed[agency]
	s.mu.Unlock()
	if !ok {
		return ErrNotFound
	}
	if err := durable.Remove(s.allowedFile(agency)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("writing allowlist: %w", err)
	}
	bad, err := s.reload(ctx, by)
	if err := errors.Join(bad, err); err != nil {
		return fmt.Errorf("reading allowlist: %w", err)
	}
	return nil
}

func (s *Service) allowedFile(agency string) string {
	return filepath.Join(s.cfg.Agencies, agency+allowedExt)
}

// standing returns the allowlist's entry if requests verified by a profile
// with this root may be acted on, else ErrBlocked.
func (s *Service) standing(agency, root string) (Allowed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.allowed[agency]
	if !ok || a.Root != root || s.known[agency].RootID != root {
		return Allowed{}, ErrBlocked
	}
	return a, nil
}
