package storetest

import "syscall"

// bytesFree gives what may be written in a folder, 0 where there is none.
func bytesFree(dir string) uint64 {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return 0
	}
	return fs.Bavail * uint64(fs.Bsize)
}
