package main

import (
	"context"
	"fmt"
	"log/slog"

	"gatehouse/rtsp/rtsptest"
)

func cameraURL(i int) string { return fmt.Sprintf("rtsp://%s/cam%d", *addr, i) }

// serveCameras plays one clip as every camera until it is killed.
func serveCameras(ctx context.Context) error {
	all := map[string]rtsptest.Camera{}
	for i := range *many {
		all[fmt.Sprintf("cam%d", i)] = rtsptest.Camera{File: *cameras, Loop: true}
	}
	s, err := rtsptest.NewServer(rtsptest.Config{Addr: *addr, Log: slog.Default(), Cameras: all})
	if err != nil {
		return err
	}
	return s.Run(ctx)
}
