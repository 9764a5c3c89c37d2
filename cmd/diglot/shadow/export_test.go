package shadow

import "crypto/x509"

// Trust has peers be known by these certificates.
func (s *Shadow) Trust(roots *x509.CertPool) {
	s.set.Load().each(func(l *lane) { l.transport.TLSClientConfig.RootCAs = roots })
}

// LimitLog has a log begin anew at so many bytes.
func LimitLog(l *LogFile, bytes int64) { l.limit(bytes) }

// MaxRelayed is how many requests a rule has the peer answer at once.
const MaxRelayed = maxRelayed
