package rtsp

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// pair is a TCP connection whose reading end gathers.
func pair(t *testing.T) (camera *net.TCPConn, d *demux) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); server.Close() })
	d = newDemux(c, &catcher{})
	d.gather()
	return server.(*net.TCPConn), d
}

// A single byte must not wait for others, and what comes between beats must
// not be read one by one.
func TestQueueKeepsTheBeat(t *testing.T) {
	camera, d := pair(t)
	go func() {
		for range 100 {
			camera.Write([]byte("RTSP/1.0 200 OK\r\n\r\n"))
			time.Sleep(2 * time.Millisecond)
		}
		camera.Write([]byte("RTSP/1.0 404 Not Found\r\n\r\n"))
	}()
	reads, start := 0, time.Now()
	var all []byte
	for !bytes.HasSuffix(all, []byte("Found\r\n\r\n")) {
		n, err := d.receive(d.buf, time.Now().Add(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			reads++
		}
		all = append(all, d.buf[:n]...)
	}
	if took := time.Since(start); reads > int(took/beat)+2 {
		t.Errorf("%d reads in %v", reads, took)
	}
	sent := time.Now()
	camera.Write([]byte("x"))
	for n := 0; n == 0; {
		var err error
		if n, err = d.receive(d.buf, time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(sent); took > 10*beat { // one, and what a busy machine adds
		t.Errorf("a byte took %v", took)
	}
}

// A camera that sends faster than a queue holds in a beat is not throttled to it.
func TestQueueDoesNotThrottle(t *testing.T) {
	camera, d := pair(t)
	const size = 64 << 20 // at a queue a beat this would take 13 s
	go func() {
		camera.Write(make([]byte, size))
		camera.CloseWrite()
	}()
	start, got := time.Now(), 0
	for {
		n, err := d.receive(d.buf, time.Now().Add(time.Minute))
		got += n
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(start); got != size || took > 6*time.Second {
		t.Errorf("%d bytes in %v", got, took)
	}
}

func TestQueueEndsWithItsConnection(t *testing.T) {
	_, d := pair(t)
	done := make(chan error, 1)
	go func() {
		_, err := d.Read(make([]byte, 1))
		done <- err
	}()
	time.Sleep(2 * beat)
	d.Close()
	select {
	case err := <-done:
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("Read returned %v", err)
		}
	case <-time.After(2 * time.Second):
		t.Error("Read goes on after Close")
	}
}
