package agency

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/internal/durable"
)

// Members of Upload-Metadata.
const (
	metaPackage = "package" // id
	metaSHA256  = "sha256"  // hex digest of the sealed package
)

// abandoned is when an upload that was begun is no longer counted on; one
// without a byte is removed.
const abandoned = time.Hour

var packageID = regexp.MustCompile(`^GH-[A-Z0-9]{4}-[A-Z0-9]{4}$`)

var (
	errMetadata = handler.NewError("ERR_METADATA", "Upload-Metadata must have package and sha256", http.StatusBadRequest)
	errEmpty    = handler.NewError("ERR_EMPTY", "a package is not empty", http.StatusBadRequest)
	errBusyNow  = handler.NewError("ERR_TOO_MANY_UPLOADS", "too many unfinished uploads", http.StatusServiceUnavailable)
	errDigest   = handler.NewError("ERR_DIGEST", "the package is not the one announced", http.StatusUnprocessableEntity)
	errDone     = handler.NewError("ERR_FINISHED", "a finished upload stays", http.StatusForbidden)
)

// beforeUpload decides whether an upload may begin.
func (r *Receiver) beforeUpload(e handler.HookEvent) (handler.HTTPResponse, handler.FileInfoChanges, error) {
	var none handler.HTTPResponse
	var no handler.FileInfoChanges
	id, digest := e.Upload.MetaData[metaPackage], e.Upload.MetaData[metaSHA256]
	switch {
	case !packageID.MatchString(id) || !digestHex.MatchString(digest):
		return none, no, errMetadata
	case e.Upload.Size <= 0:
		return none, no, errEmpty
	}
	open, promised, err := r.unfinished()
	if err != nil {
		r.cfg.Log.Error("reading uploads failed", "err", err)
		return none, no, errFault
	}
	if open >= r.cfg.MaxOpen {
		return none, no, errBusyNow
	}
	room, err := free(r.store.Path)
	if err != nil {
		r.cfg.Log.Error("reading free space failed", "err", err)
		return none, no, errFault
	}
	if e.Upload.Size > room-promised-r.cfg.Reserve {
		return none, no, errNoSpace
	}
	return none, handler.FileInfoChanges{MetaData: handler.MetaData{metaPackage: id, metaSHA256: digest}}, nil
}

// unfinished counts unfinished uploads, and the bytes that those under way may
// still send: a promise that nobody works on must not keep others out.
func (r *Receiver) unfinished() (n int, promised int64, err error) {
	err = r.eachUpload(func(info handler.FileInfo, data os.FileInfo) {
		left := info.Size - data.Size()
		if left <= 0 {
			return
		}
		n++
		if r.cfg.Now().Sub(data.ModTime()) < abandoned {
			promised += left
		}
	})
	return n, promised, err
}

// eachUpload visits every upload that has both its files. A file that is not
// an upload's description is passed over: nothing was promised for it.
func (r *Receiver) eachUpload(visit func(handler.FileInfo, os.FileInfo)) error {
	names, err := filepath.Glob(r.store.infoFile("*"))
	if err != nil {
		return err
	}
	for _, name := range names {
		var info handler.FileInfo
		text, err := os.ReadFile(name)
		if err != nil || json.Unmarshal(text, &info) != nil || !uploadID.MatchString(info.ID) ||
			info.ID+".info" != filepath.Base(name) {
			continue
		}
		st, err := os.Stat(info.Storage["Path"])
		if err != nil {
			continue
		}
		visit(info, st)
	}
	return nil
}

// beforeRemoval keeps what was received: its uploader has a receipt for it.
func (r *Receiver) beforeRemoval(e handler.HookEvent) (handler.HTTPResponse, error) {
	if e.Upload.Offset >= e.Upload.Size {
		return handler.HTTPResponse{}, errDone
	}
	return handler.HTTPResponse{}, nil
}

// afterUpload runs when the last byte is there, before the client is told.
func (r *Receiver) afterUpload(e handler.HookEvent) (handler.HTTPResponse, error) {
	err := r.finish(e.Upload)
	if own := new(handler.Error); err != nil && !errors.As(err, own) {
		r.cfg.Log.Error("taking a package in failed", "err", err)
		err = storageError(err)
	}
	return handler.HTTPResponse{}, err
}

// finish verifies a complete upload, moves it to received/, signs the receipt,
// and points the upload's description to the package, so that a client that lost our answer still finds it complete.
// Each step is durable before the next and finds what an earlier try did, so
// finish may be repeated after a crash anywhere.
func (r *Receiver) finish(info handler.FileInfo) error {
	r.finishing.Lock()
	defer r.finishing.Unlock()
	id, digest := info.MetaData[metaPackage], info.MetaData[metaSHA256]
	if !packageID.MatchString(id) || !digestHex.MatchString(digest) {
		return errMetadata
	}
	from, to := r.store.dataFile(info.ID), r.path("received", id+"-"+digest[:16]+".ghe")
	if err := r.moveIn(from, to, digest); err != nil {
		if errors.Is(err, errDigest) {
			err = errors.Join(err, durable.Remove(from), durable.Remove(r.store.infoFile(info.ID)))
		}
		return err
	}
	if err := r.receipt(digest, info.Size); err != nil {
		return err
	}
	info.Storage["Path"] = to
	text, err := json.Marshal(info)
	if err != nil {
		return err
	}
	if err := durable.WriteFile(r.store.infoFile(info.ID), text, 0o600); err != nil {
		return err
	}
	r.cfg.Log.Info("package received", "agency", r.agency, "bytes", info.Size)
	return nil
}

// moveIn verifies a file and gives it its final name. Of a package that was
// received before, here or under another id, the new copy goes.
func (r *Receiver) moveIn(from, to, digest string) error {
	switch there, err := exists(from); {
	case err != nil:
		return err
	case !there: // an earlier try moved it
		return verifyDigest(to, digest)
	}
	if err := verifyDigest(from, digest); err != nil {
		return err
	}
	signed, err1 := exists(r.receiptFile(digest))
	there, err2 := exists(to)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if there && !signed {
		if err := verifyDigest(to, digest); err != nil {
			return err
		}
	}
	if there || signed {
		return durable.Remove(from)
	}
	if err := os.Chmod(from, 0o400); err != nil {
		return err
	}
	if err := syncFile(from, os.O_RDONLY); err != nil {
		return err
	}
	return durable.Rename(from, to)
}

func exists(name string) (bool, error) {
	_, err := os.Stat(name)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// verifyDigest reads a file back; errDigest if it is another.
func verifyDigest(name, digest string) error {
	got, err := digestOf(name)
	if err == nil && got != digest {
		return errDigest
	}
	return err
}

// receipt signs for a package once: a second upload gets the same receipt.
func (r *Receiver) receipt(digest string, size int64) error {
	if there, err := exists(r.receiptFile(digest)); there || err != nil {
		return err
	}
	env, err := bulletin.SignReceipt(bulletin.Receipt{
		Agency: r.agency, SHA256: digest, Bytes: size, ReceivedAt: now(r.cfg.Now()),
	}, r.key)
	if err != nil {
		return err
	}
	return durable.WriteFile(r.receiptFile(digest), env, 0o600)
}

// recover finishes uploads that were complete when an earlier process ended.
func (r *Receiver) recover() error {
	names, err := filepath.Glob(r.store.infoFile("*"))
	if err != nil {
		return err
	}
	for _, name := range names {
		info, whole := r.complete(strings.TrimSuffix(filepath.Base(name), ".info"))
		if !whole {
			continue
		}
		if err := r.finish(info); err != nil && !errors.Is(err, errDigest) {
			return fmt.Errorf("finishing an upload: %w", err)
		}
	}
	return nil
}

// complete reads an upload that has all its bytes but may lack its receipt:
// they are in its own file, or already moved.
func (r *Receiver) complete(id string) (handler.FileInfo, bool) {
	var info handler.FileInfo
	text, err := os.ReadFile(r.store.infoFile(id))
	if err != nil || json.Unmarshal(text, &info) != nil || info.ID != id || !uploadID.MatchString(id) ||
		!digestHex.MatchString(info.MetaData[metaSHA256]) || !packageID.MatchString(info.MetaData[metaPackage]) {
		return info, false
	}
	if info.Storage["Path"] != r.store.dataFile(id) {
		return info, false // finished
	}
	st, err := os.Stat(r.store.dataFile(id))
	if errors.Is(err, os.ErrNotExist) {
		_, err = os.Stat(r.path("received", info.MetaData[metaPackage]+"-"+info.MetaData[metaSHA256][:16]+".ghe"))
		return info, err == nil
	}
	return info, err == nil && st.Size() == info.Size
}

// sweep removes, every hour, the uploads that nobody has gone on with, and the
// descriptions of finished ones. It leaves packages and receipts alone.
func (r *Receiver) sweep(ctx context.Context) {
	for tick := time.NewTicker(time.Hour); ; {
		r.sweepOnce()
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
	}
}

func (r *Receiver) sweepOnce() {
	files, err := os.ReadDir(r.store.Path)
	if err != nil {
		r.cfg.Log.Error("reading uploads failed", "err", err)
		return
	}
	for _, f := range files {
		id := strings.TrimSuffix(f.Name(), ".info")
		if !uploadID.MatchString(id) || !r.idle(id) {
			continue
		}
		if err := errors.Join(durable.Remove(r.store.dataFile(id)), durable.Remove(r.store.infoFile(id))); err != nil {
			r.cfg.Log.Error("removing an upload failed", "err", err)
		}
	}
}

func (r *Receiver) idle(id string) bool {
	keep := r.cfg.Keep
	if st, err := os.Stat(r.store.dataFile(id)); err == nil && st.Size() == 0 {
		keep = abandoned
	}
	oldest := r.cfg.Now().Add(-keep)
	for _, name := range []string{r.store.dataFile(id), r.store.infoFile(id)} {
		if st, err := os.Stat(name); err == nil && st.ModTime().After(oldest) {
			return false
		}
	}
	return true
}
