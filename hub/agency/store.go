package agency

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/tus/tusd/v2/pkg/filestore"
	"github.com/tus/tusd/v2/pkg/handler"
	"golang.org/x/sys/unix"

	"gatehouse/hub/internal/durable"
)

// What clients are told; never a path of ours.
var (
	errNoSpace = handler.NewError("ERR_INSUFFICIENT_STORAGE", "the disk is full", http.StatusInsufficientStorage)
	errFault   = handler.NewError("ERR_STORAGE", "the upload cannot be stored", http.StatusInternalServerError)
	errSlow    = handler.NewError("ERR_TOO_SLOW", "the upload is too slow", http.StatusRequestTimeout)
)

// An upload slower than this over the whole of a request, after a minute's
// grace, holds a connection for nothing.
const (
	minRate = 1 << 10 // bytes a second
	grace   = time.Minute
)

// store is tusd's filestore, made durable: an offset that a client is told is
// that of bytes on the disk.
type store struct {
	filestore.FileStore
}

// NewUpload makes the files of an upload.
func (s store) NewUpload(ctx context.Context, info handler.FileInfo) (handler.Upload, error) {
	up, err := s.FileStore.NewUpload(ctx, info)
	if err == nil {
		err = durable.SyncDir(s.Path)
	}
	if err != nil {
		return nil, storageError(err)
	}
	return upload{up, s}, nil
}

// GetUpload finds an upload.
func (s store) GetUpload(ctx context.Context, id string) (handler.Upload, error) {
	up, err := s.FileStore.GetUpload(ctx, id)
	if err != nil {
		return nil, storageError(err)
	}
	return upload{up, s}, nil
}

// AsTerminatableUpload lets a client remove what it has not finished.
func (s store) AsTerminatableUpload(up handler.Upload) handler.TerminatableUpload {
	return s.FileStore.AsTerminatableUpload(up.(upload).Upload)
}

func (s store) infoFile(id string) string { return filepath.Join(s.Path, id+".info") }
func (s store) dataFile(id string) string { return filepath.Join(s.Path, id) }

// upload is one upload of the store.
type upload struct {
	handler.Upload
	store store
}

// WriteChunk appends src and returns what is durable of it.
func (u upload) WriteChunk(ctx context.Context, offset int64, src io.Reader) (int64, error) {
	info, err := u.GetInfo(ctx)
	if err != nil {
		return 0, storageError(err)
	}
	n, err := u.Upload.WriteChunk(ctx, offset, &paced{r: src, start: time.Now()})
	if serr := syncFile(u.store.dataFile(info.ID), os.O_WRONLY); serr != nil {
		return 0, storageError(serr)
	}
	return n, storageError(err)
}

func syncFile(name string, flag int) error {
	f, err := os.OpenFile(name, flag, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// storageError hides what a client must not see. Errors of tusd and of the connection are its own.
func storageError(err error) error {
	var own handler.Error
	var path *os.PathError
	switch {
	case err == nil || errors.As(err, &own):
		return err
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG):
		return errNoSpace
	case errors.As(err, &path):
		return errFault
	}
	return err
}

// paced reads until it becomes too slow on average.
type paced struct {
	r     io.Reader
	n     int64
	start time.Time
}

func (p *paced) Read(b []byte) (int, error) {
	if spent := time.Since(p.start); spent > grace && p.n < int64((spent-grace).Seconds())*minRate {
		return 0, errSlow
	}
	n, err := p.r.Read(b)
	p.n += int64(n)
	return n, err
}

// free is what the disk has left for us, in bytes.
func free(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil //nolint:unconvert // Bsize's type differs by platform
}
