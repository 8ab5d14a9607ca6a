package ui

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/signal"

	"gatehouse/rtsp/onvif/onviftest"
	"gatehouse/rtsp/rtsptest"
)

// newCamera is an ONVIF device whose streams are real: what a person would add.
func newCamera() (*onviftest.Device, *rtsptest.Server, error) {
	dev, err := onviftest.New(onviftest.Config{})
	if err != nil {
		return nil, nil, fmt.Errorf("making the device: %w", err)
	}
	film := rtsptest.Camera{FS: rtsptest.Clips(), File: "h264-aac.mp4", Loop: true, User: onviftest.User, Pass: onviftest.Password}
	srv, err := rtsptest.NewServer(rtsptest.Config{Log: slog.New(slog.DiscardHandler), Cameras: map[string]rtsptest.Camera{"main": film, "sub": film}})
	if err != nil {
		return nil, nil, fmt.Errorf("making the streams: %w", err)
	}
	u, err := url.Parse(srv.URL("main"))
	if err != nil {
		return nil, nil, fmt.Errorf("reading the address: %w", err)
	}
	dev.StreamPort = u.Port()
	dev.Media = []onviftest.Profile{
		{Token: "1", Name: "mainStream", Source: "lens", Encoding: "H264", Width: 1920, Height: 1080, FPS: 25, Kbit: 4096, Stream: "/main"},
		{Token: "2", Name: "subStream", Source: "lens", Encoding: "H264", Width: 640, Height: 360, FPS: 15, Kbit: 512, Stream: "/sub"},
	}
	return dev, srv, nil
}

// serveCamera serves one until it is interrupted; its address and login are the first line.
func serveCamera() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	dev, srv, err := newCamera()
	if err != nil {
		return err
	}
	fmt.Println(dev.Addr(), onviftest.User, onviftest.Password)
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	return errors.Join(dev.Run(ctx), <-done)
}
