package evidence

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"

	"gatehouse/hub/internal/mp4"
	"gatehouse/hub/recording"
)

// checkVideos verifies each video and the custody of each camera's.
func (v *verifier) checkVideos() {
	m := &v.manifest.Predicate
	proofs := map[string]*custody{}
	if v.checkFiles() != nil {
		return
	}
	roots, err := v.readHeads()
	if err != nil {
		_ = v.result("chain", "", err)
		return
	}
	for i := range m.Clips {
		c := &m.Clips[i]
		name := custodyName(c.Alias)
		if proofs[name] == nil {
			p, err := v.checkCustody(name, c, roots)
			if err != nil {
				continue
			}
			proofs[name] = p
		}
		text, err := v.checkVideo(c, proofs[name])
		if err != nil {
			err = fmt.Errorf("%s: %w", c.File, err)
		}
		_ = v.result("video", text, err)
		if v.ctx.Err() != nil {
			return
		}
	}
}

// checkFiles compares the videos there are with those the manifest tells of.
func (v *verifier) checkFiles() error {
	want := map[string]bool{}
	for _, c := range v.manifest.Predicate.Clips {
		if want[c.File] || v.src.files[c.File] == nil || !strings.HasPrefix(c.File, "original/") || !fileName.MatchString(c.Alias) {
			return v.result("video", "", fmt.Errorf("the manifest names %.80q twice, or it is not there", c.File))
		}
		want[c.File] = true
	}
	for _, name := range v.src.names {
		if strings.HasSuffix(name, ".mp4") && !want[name] {
			return v.result("video", "", fmt.Errorf("the manifest says nothing of %s", name))
		}
	}
	if len(want) == 0 {
		return v.result("video", "", errors.New("there is no video"))
	}
	return nil
}

func (v *verifier) checkCustody(name string, c *Clip, roots []recording.Hash) (*custody, error) {
	var p custody
	b, err := v.src.read(name)
	if err == nil {
		err = decode(b, &p)
	}
	if err == nil && p.Alias != c.Alias {
		err = errors.New("it is that of another camera")
	}
	open, inLedger := 0, 0
	if err == nil {
		open, inLedger, err = p.check(roots)
	}
	if err != nil {
		return nil, v.result("chain", "", fmt.Errorf("%s: %w", name, err))
	}
	text := fmt.Sprintf("%s: %d recorded segments give their roots and links", c.Alias, len(p.Segments)-open)
	if inLedger > 0 {
		text += fmt.Sprintf("; the home's ledger has noted %d of them", inLedger)
	}
	if open > 0 {
		text += fmt.Sprintf("; %d was still being written when the package was sealed: for it there is the hub's signature alone", open)
	}
	return &p, v.result("chain", text+".", nil)
}

// checkVideo verifies one video: that it is nothing but recorded fragments, that
// its index shows exactly their samples, and the tracks' digests.
func (v *verifier) checkVideo(c *Clip, p *custody) (string, error) {
	r := v.src.files[c.File]
	if c.Bytes != r.Size() || c.SHA256 != v.sums[c.File] {
		return "", errors.New("its size or digest is not the manifest's")
	}
	movie, err := splitMovie(r)
	if err != nil {
		return "", err
	}
	members := p.of(c.File)
	if members == nil {
		return "", errors.New("its custody file says nothing of it")
	}
	file, err := movie.fragments()
	if err != nil {
		return "", err
	}
	if err := p.checkMembers(v, members, movie, file); err != nil {
		return "", err
	}
	tracks, err := movie.samples()
	if err != nil {
		return "", err
	}
	if err := checkIndex(tracks, file); err != nil {
		return "", err
	}
	if err := v.checkTracks(c, movie, file); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s: its %d fragments are recorded ones, in order; its tracks have the digests recorded.",
		c.File, len(members.Fragments)), nil
}

// checkMembers ties every byte of the video's media data to a leaf.
func (p *custody) checkMembers(v *verifier, m *members, movie *movie, file *mp4.File) error {
	if len(m.Fragments) != len(file.Fragments) || len(m.Fragments) == 0 {
		return fmt.Errorf("it holds %d fragments and its custody file lists %d", len(file.Fragments), len(m.Fragments))
	}
	last := member{Segment: -1}
	for i, f := range m.Fragments {
		if f.Segment < 0 || f.Segment >= len(p.Segments) {
			return fmt.Errorf("fragment %d is of no segment", i)
		}
		want, ok := leaf(p.Segments[f.Segment], f.Leaf)
		at := file.Fragments[i].Offset + movie.shift
		if !ok || f.Leaf == 0 || f.Offset != at || f.Size != file.Fragments[i].Size {
			return fmt.Errorf("fragment %d is not where its custody file says", i)
		}
		if f.Segment < last.Segment || f.Segment == last.Segment && f.Leaf <= last.Leaf {
			return fmt.Errorf("fragment %d is out of order", i)
		}
		sum, err := hashOf(readerUntilDone{v.ctx, io.NewSectionReader(movie.r, at, f.Size)})
		if err != nil {
			return err
		}
		if sum != hex.EncodeToString(want[:]) {
			return fmt.Errorf("fragment %d is not the one recorded", i)
		}
		last = f
	}
	first, ok := leaf(p.Segments[m.Fragments[0].Segment], 0)
	if !ok || first != sha256.Sum256(file.Init) {
		return errors.New("its initialisation is not the one recorded")
	}
	return nil
}

// checkIndex compares what a player is shown with what the fragments hold.
func checkIndex(tracks []track, file *mp4.File) error {
	want := map[uint32][]sample{}
	for i := range file.Fragments {
		f := &file.Fragments[i]
		at := f.Offset + f.Data
		id := file.Tracks[f.Track].ID
		for _, s := range f.Samples {
			want[id] = append(want[id], sample{at, int64(s.Size)})
			at += int64(s.Size)
		}
	}
	for _, t := range tracks {
		if !slices.Equal(want[t.id], t.samples) {
			return fmt.Errorf("its index does not show what track %d holds", t.id)
		}
		delete(want, t.id)
	}
	if len(want) > 0 {
		return errors.New("its index leaves a track out")
	}
	return nil
}

// checkTracks recomputes the digests of the tracks.
func (v *verifier) checkTracks(c *Clip, r io.ReaderAt, file *mp4.File) error {
	sums := map[bool]hash.Hash{true: sha256.New(), false: sha256.New()}
	count := map[bool]int{}
	for i := range file.Fragments {
		f := &file.Fragments[i]
		video := file.Tracks[f.Track].Video
		count[video] += len(f.Samples)
		data := io.NewSectionReader(r, f.Offset+f.Data, f.Size-f.Data)
		if _, err := io.Copy(sums[video], readerUntilDone{v.ctx, data}); err != nil {
			return err
		}
	}
	for video, t := range map[bool]*Track{true: c.Video, false: c.Audio} {
		kind := map[bool]string{true: "video", false: "audio"}[video]
		switch {
		case t == nil && count[video] == 0:
		case t == nil:
			return fmt.Errorf("it has an %s track that the manifest does not tell of", kind)
		case t.Samples != count[video] || t.SHA256 != hex.EncodeToString(sums[video].Sum(nil)):
			return fmt.Errorf("its %s track is not the one that the manifest tells of", kind)
		}
	}
	return nil
}

// movie is a video of a package: ftyp · moov · mdat, nothing else.
type movie struct {
	r     *io.SectionReader
	moov  []byte // its body
	shift int64  // between positions in the file and in one without moov
}

const maxMoov = 256 << 20

// splitMovie reads the outer structure of a video.
func splitMovie(r *io.SectionReader) (*movie, error) {
	malformed := errors.New("it is not built as a video of a package is")
	var h [mp4.PatchOffset + 8]byte
	if _, err := r.ReadAt(h[:], 0); err != nil {
		return nil, malformed
	}
	n := int64(binary.BigEndian.Uint32(h[mp4.PatchOffset:]))
	if string(h[mp4.PatchOffset+4:]) != "moov" || n < 8 || n > maxMoov || n > r.Size()-mp4.PatchOffset {
		return nil, malformed
	}
	m := &movie{r: r, shift: n, moov: make([]byte, n-8)}
	if _, err := r.ReadAt(m.moov, mp4.PatchOffset+8); err != nil {
		return nil, malformed
	}
	return m, nil
}

// ReadAt reads the file as it were without its moov: as a segment file.
func (m *movie) ReadAt(b []byte, off int64) (int, error) {
	done := 0
	if off < mp4.PatchOffset {
		n, err := m.r.ReadAt(b[:min(int64(len(b)), mp4.PatchOffset-off)], off)
		if err != nil || n == len(b) {
			return n, err
		}
		done = n
	}
	n, err := m.r.ReadAt(b[done:], off+int64(done)+m.shift)
	return done + n, err
}

// fragments reads the media data. All of it must be one initialisation and whole
// fragments. Offsets are those of the file without its moov.
func (m *movie) fragments() (*mp4.File, error) {
	size := m.r.Size() - m.shift
	f, err := mp4.Parse(m, size)
	if err != nil {
		return nil, fmt.Errorf("its media data: %w", err)
	}
	var head [mp4.PatchSize]byte
	if _, err := m.ReadAt(head[:], mp4.PatchOffset); err != nil {
		return nil, err
	}
	if f.End != size || head != mp4.PatchMdat(size) {
		return nil, errors.New("its media data hold something that is no fragment")
	}
	return f, nil
}
