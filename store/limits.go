package store

// limitArg gives null for no limit.
func limitArg(limit int) []byte {
	if limit <= 0 {
		return nil
	}
	return intArg(int64(limit))
}
