package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"gatehouse/images/demo/script"
)

// aacFrame is the samples of one AAC-LC frame (ISO/IEC 14496-3, 4.5.2.1.1).
const aacFrame = 1024

const samples = int(script.Loop/time.Second) * script.SampleRate

// encode writes the film to path, the sound beside it as long as the picture.
func encode(ctx context.Context, r *reel, sound []float64, path string) error {
	dir, err := os.MkdirTemp("", "demo")
	if err != nil {
		return fmt.Errorf("making work folder: %w", err)
	}
	defer os.RemoveAll(dir)
	video, audio := filepath.Join(dir, "v.h264"), filepath.Join(dir, "a.aac")
	if err := encodeSound(ctx, sound, audio); err != nil {
		return err
	}
	if err := encodePicture(ctx, r, video); err != nil {
		return err
	}
	return ffmpeg(ctx, nil, nil,
		"-r", strconv.Itoa(script.Rate), "-f", "h264", "-i", video, "-f", "aac", "-i", audio,
		"-map", "0:v", "-map", "1:a", "-c", "copy", "-bsf:a", "aac_adtstoasc",
		"-map_metadata", "-1", "-fflags", "+bitexact", "-movflags", "+faststart", "-use_editlist", "0",
		"-video_track_timescale", "90000", "-y", path)
}

// encodePicture compresses to a plain H.264 stream: Main profile without
// B-frames and closed groups of fixed length, which every viewer and bridge
// takes; the encoder's own message is removed from the stream. With constant
// quantisers, finer for key frames, what stands still does not pulse.
func encodePicture(ctx context.Context, r *reel, path string) error {
	in, out := io.Pipe()
	go func() {
		for i := range frames {
			if _, err := out.Write(r.draw(i)); err != nil {
				return // ffmpeg has ended; its error is reported below
			}
		}
		out.Close()
	}()
	defer in.Close()
	gop := strconv.Itoa(script.GOP)
	return ffmpeg(ctx, in, nil,
		"-f", "rawvideo", "-pix_fmt", "rgba", "-s", fmt.Sprintf("%dx%d", script.Width, script.Height),
		"-r", strconv.Itoa(script.Rate), "-i", "-",
		"-vf", "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd,format=yuv420p",
		"-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv",
		"-c:v", "libx264", "-profile:v", "main", "-level", "3.1", "-preset", "slower",
		"-qp", "31", "-bf", "0", "-refs", "3",
		"-g", gop, "-keyint_min", gop, "-sc_threshold", "0", "-threads", "2",
		"-x264-params", "open-gop=0:weightp=0:psy=0:ipratio=2:deblock=1,1",
		"-bsf:v", "filter_units=remove_types=6", "-flags", "+bitexact", "-f", "h264", "-y", path)
}

// encodeSound compresses the loop three times over and keeps the middle one,
// so that the end of the sound overlaps with its beginning as AAC frames do
// with their neighbours, and the loop has neither padding nor a click.
func encodeSound(ctx context.Context, sound []float64, path string) error {
	var pcm, adts bytes.Buffer
	for range 3 {
		for _, s := range sound {
			v := int16(clamp(s, -1, 1) * 32000)
			pcm.Write(binary.LittleEndian.AppendUint16(nil, uint16(v)))
		}
	}
	err := ffmpeg(ctx, &pcm, &adts, "-f", "s16le", "-ar", strconv.Itoa(script.SampleRate), "-ac", "1", "-i", "-",
		"-c:a", "aac", "-profile:a", "aac_low", "-b:a", "24k", "-flags:a", "+bitexact", "-f", "adts", "-")
	if err != nil {
		return err
	}
	const n = samples / aacFrame
	const delay = 1 // the encoder's first frame carries no sound yet
	loop, err := cutADTS(adts.Bytes(), n+delay, 2*n+delay)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, loop, 0o644); err != nil {
		return fmt.Errorf("writing sound: %w", err)
	}
	return nil
}

// cutADTS returns the frames from (with) to (without) of an ADTS stream
// (ISO/IEC 13818-7, 6.2).
func cutADTS(b []byte, from, to int) ([]byte, error) {
	start := 0
	for i, off := 0, 0; ; i++ {
		if i == from {
			start = off
		}
		if i == to {
			return b[start:off], nil
		}
		if len(b)-off < 7 || b[off] != 0xff || b[off+1]&0xf6 != 0xf0 {
			return nil, fmt.Errorf("sound ends at frame %d of %d", i, to)
		}
		size := int(b[off+3]&3)<<11 | int(b[off+4])<<3 | int(b[off+5])>>5
		if size < 7 || size > len(b)-off {
			return nil, errors.New("sound frame of impossible size")
		}
		off += size
	}
}

func ffmpeg(ctx context.Context, in io.Reader, out io.Writer, args ...string) error {
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "ffmpeg", append([]string{"-hide_banner", "-loglevel", "error"}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("running ffmpeg: %w: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	return nil
}
