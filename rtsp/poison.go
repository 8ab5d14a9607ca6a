//go:build !race

package rtsp

// poison has blocks overwritten when their memory becomes free, so that a test
// sees who looks at them later.
const poison = false
