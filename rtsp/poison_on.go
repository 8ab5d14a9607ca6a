//go:build race

package rtsp

const poison = true
