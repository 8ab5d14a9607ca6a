package evidence

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"

	"gatehouse/hub/clip"
	"gatehouse/hub/internal/durable"
	"gatehouse/hub/recording"
)

// ErrRecipient means that nothing can be sealed to an agency's key.
var ErrRecipient = errors.New("the agency's key cannot be sealed to")

// maxVideos bounds a package. A stream that breaks off is one video a piece.
const maxVideos = 500

// Seal makes a package: it is durable in Dir, read-only, when Seal returns.
// A selection without footage gives clip.ErrNoFootage, a key that cannot be
// used ErrRecipient. Plain footage is never written to disk.
func (s *Sealer) Seal(ctx context.Context, o Order) (_ Package, err error) {
	recipients, err := s.recipients(o)
	if err != nil {
		return Package{}, err
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return Package{}, ctx.Err()
	}
	if err := durable.MkdirAll(s.cfg.Dir, 0o700); err != nil {
		return Package{}, fmt.Errorf("making the folder of packages: %w", err)
	}
	p := Package{SealedAt: s.cfg.Now().UTC().Truncate(time.Second)}
	if p.ID, err = s.newID(); err != nil {
		return Package{}, err
	}
	if err := s.settle(ctx, o.Clips); err != nil {
		return Package{}, err
	}
	videos, err := s.gather(ctx, o.Clips)
	defer func() { err = errors.Join(err, closeAll(videos)) }()
	if err != nil {
		return Package{}, err
	}
	entries, err := s.entries(ctx, p, o, videos)
	if err != nil {
		return Package{}, err
	}
	p.Path = filepath.Join(s.cfg.Dir, p.ID+".ghe")
	if p.Digest, p.Bytes, err = s.write(ctx, p, entries, recipients); err != nil {
		return Package{}, fmt.Errorf("writing package: %w", err)
	}
	for _, v := range videos {
		p.Files = append(p.Files, File{
			Name: v.clip.File, Camera: v.camera, Alias: v.clip.Alias, From: v.clip.From, To: v.clip.To, Bytes: v.clip.Bytes,
			SHA256: v.clip.SHA256, Audio: v.clip.Audio != nil, Seconds: v.clip.To.Sub(v.clip.From).Seconds(),
		})
	}
	s.cfg.Log.Info("package sealed", "request", o.RequestID, "bytes", p.Bytes)
	return p, nil
}

// settleWait is how long sealing waits for the end of a segment that is being
// written: as long as a group of pictures of a usual camera.
const settleWait = 10 * time.Second

// settle has the segments that were chosen closed, so that they have a place in
// their chains. One that takes too long goes in as it is.
func (s *Sealer) settle(ctx context.Context, clips []Selection) error {
	wait, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	for _, c := range clips {
		if err := s.cfg.Archive.Settle(wait, c.Camera, recording.Main, c.From, c.To); err != nil && wait.Err() == nil {
			return fmt.Errorf("ending segments: %w", err)
		}
	}
	return ctx.Err()
}

// recipients are the agency and the owner; the owner alone where nobody is
// known to have a key. That package is given in another form.
func (s *Sealer) recipients(o Order) ([]age.Recipient, error) {
	agency := o.Recipient
	if o.Manual != nil {
		return []age.Recipient{s.cfg.Owner.Recipient()}, nil
	}
	if strings.HasPrefix(strings.ToLower(agency), "age1pq1") {
		return nil, fmt.Errorf("%w: it is a post-quantum key, the owner's is not, and one file cannot be sealed to both kinds", ErrRecipient)
	}
	r, err := age.ParseX25519Recipient(agency)
	if err != nil {
		return nil, fmt.Errorf("%w: it is not an X25519 age recipient", ErrRecipient)
	}
	return []age.Recipient{r, s.cfg.Owner.Recipient()}, nil
}

// idLetters leave out what is misread: I, L, O, U, 0 and 1.
const idLetters = "23456789ABCDEFGHJKMNPQRSTVWXYZ"

func (s *Sealer) newID() (string, error) {
	for range 100 {
		var b [8]byte
		for i := range b {
			b[i] = s.letter()
		}
		id := "GH-" + string(b[:4]) + "-" + string(b[4:])
		if _, err := os.Lstat(filepath.Join(s.cfg.Dir, id+".ghe")); errors.Is(err, fs.ErrNotExist) {
			return id, nil
		}
	}
	return "", errors.New("no package id is free")
}

// letter draws one without bias.
func letter() byte {
	var b [1]byte
	for {
		rand.Read(b[:])
		if int(b[0]) < 256/len(idLetters)*len(idLetters) {
			return idLetters[int(b[0])%len(idLetters)]
		}
	}
}

func closeAll(videos []*video) error {
	var errs []error
	for _, v := range videos {
		errs = append(errs, v.file.Close())
	}
	return errors.Join(errs...)
}

// gather opens and hashes all footage chosen. What it returns beside an error
// is to be closed too.
func (s *Sealer) gather(ctx context.Context, clips []Selection) (videos []*video, err error) {
	aliases, names := map[string]string{}, map[string]bool{}
	for _, sel := range clips {
		parts, err := s.cfg.Clips.Parts(ctx, clip.Range{Camera: sel.Camera, Stream: recording.Main, From: sel.From, To: sel.To})
		if err != nil {
			return videos, fmt.Errorf("finding footage: %w", err)
		}
		if aliases[sel.Camera] == "" {
			aliases[sel.Camera] = "cam-" + ordinal(len(aliases))
		}
		for _, part := range parts {
			if len(videos) == maxVideos {
				return videos, fmt.Errorf("more than %d pieces of footage", maxVideos)
			}
			v, err := s.video(ctx, sel, part, aliases[sel.Camera], names)
			if v != nil {
				videos = append(videos, v)
			}
			if err != nil {
				return videos, err
			}
		}
	}
	if len(videos) == 0 {
		return nil, clip.ErrNoFootage
	}
	return videos, nil
}

// ordinal counts A, B, … Z, AA, AB.
func ordinal(n int) string {
	s := string(rune('A' + n%26))
	if n >= 26 {
		return ordinal(n/26-1) + s
	}
	return s
}

func (s *Sealer) video(ctx context.Context, sel Selection, part clip.Part, alias string, names map[string]bool) (*video, error) {
	m, err := s.cfg.Clips.MP4(ctx, part, clip.Options{Audio: sel.Audio})
	if err != nil {
		return nil, fmt.Errorf("opening footage: %w", err)
	}
	v := &video{camera: sel.Camera, file: m, parts: part.Segments}
	v.info, err = m.Hashed(ctx)
	if err := errors.Join(err, m.Release()); err != nil {
		return v, fmt.Errorf("reading footage: %w", err)
	}
	const stamp = "20060102T150405Z"
	base := "original/" + alias + "_" + v.info.From.UTC().Format(stamp) + "_" + v.info.To.UTC().Format(stamp)
	name := base + ".mp4"
	for i := 2; names[name]; i++ {
		name = fmt.Sprintf("%s_%d.mp4", base, i)
	}
	names[name] = true
	v.clip = clipOf(name, alias, sel, v.info)
	return v, nil
}

// write encrypts the package into its place. The file appears under its name
// when it is whole and durable.
func (s *Sealer) write(ctx context.Context, p Package, entries []entry, to []age.Recipient) (digest string, size int64, err error) {
	if err := s.sweep(); err != nil {
		return "", 0, err
	}
	f, err := os.CreateTemp(s.cfg.Dir, ".GH-*.tmp")
	if err != nil {
		return "", 0, err
	}
	h := &counter{h: sha256.New()}
	err = encrypt(ctx, io.MultiWriter(f, h), p, entries, to)
	if err == nil {
		err = f.Chmod(0o400)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = durable.Rename(f.Name(), p.Path)
	}
	if err != nil {
		return "", 0, errors.Join(err, ignoreMissing(os.Remove(f.Name())))
	}
	return hex.EncodeToString(h.h.Sum(nil)), h.n, nil
}

func encrypt(ctx context.Context, w io.Writer, p Package, entries []entry, to []age.Recipient) error {
	b := bufio.NewWriterSize(w, 256<<10)
	a, err := age.Encrypt(b, to...)
	if err != nil {
		return fmt.Errorf("encrypting: %w", err)
	}
	if err := writeTar(untilDone{ctx, a}, p.ID, p.SealedAt, entries); err != nil {
		return err
	}
	if err := a.Close(); err != nil {
		return fmt.Errorf("encrypting: %w", err)
	}
	return b.Flush()
}

// sweep removes what a crash left; only one package is sealed at a time.
func (s *Sealer) sweep() error {
	left, err := filepath.Glob(filepath.Join(s.cfg.Dir, ".GH-*.tmp"))
	for _, name := range left {
		err = errors.Join(err, ignoreMissing(os.Remove(name)))
	}
	return err
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// untilDone is a writer that fails when its context ends.
type untilDone struct {
	ctx context.Context
	w   io.Writer
}

// Write implements io.Writer.
func (u untilDone) Write(b []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.w.Write(b)
}

// counter hashes and counts.
type counter struct {
	h interface {
		io.Writer
		Sum(b []byte) []byte
	}
	n int64
}

// Write implements io.Writer.
func (c *counter) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	return c.h.Write(b)
}

// hashSelf is the SHA-256 of the running program.
func hashSelf() (string, error) {
	name, err := os.Executable()
	if err != nil {
		return "", err
	}
	return hashFile(name)
}

func hashFile(name string) (_ string, err error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return hashOf(f)
}

// hashOf is the hex SHA-256 of all that a reader has.
func hashOf(r io.Reader) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
