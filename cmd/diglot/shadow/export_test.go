package shadow

// LimitLog has a log begin anew at so many bytes.
func LimitLog(l *LogFile, bytes int64) { l.limit(bytes) }

// MaxRelayed is how many requests a rule has the peer answer at once.
const MaxRelayed = maxRelayed
