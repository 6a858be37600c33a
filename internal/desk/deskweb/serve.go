package deskweb

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"time"

	"kua/internal/fault"
)

// Listen takes the address, so that the caller can print it before Serve.
func (a *App) Listen() (net.Listener, error) {
	l, err := net.Listen("tcp", a.cfg.Addr)
	if err != nil {
		return nil, fault.Conflict("deskweb.listen", a.cfg.Addr).Because(err)
	}
	a.cfg.Addr = l.Addr().String() // port 0 has become a real one
	return l, nil
}

// URL is where a browser finds the app; call it after Listen.
func (a *App) URL() string {
	if a.cfg.TLSCert != "" {
		return "https://" + a.cfg.Addr + "/"
	}
	return "http://" + a.cfg.Addr + "/"
}

// Serve answers on l until ctx ends, then locks the desk.
func (a *App) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           a.Handler(),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		TLSConfig:         &tls.Config{MinVersion: tls.VersionTLS13},
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(15 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				a.Tidy(ctx)
			case <-ctx.Done():
				grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
				defer cancel()
				a.Lock() // ends the films that are playing, so that nothing holds the server up
				if server.Shutdown(grace) != nil {
					_ = server.Close()
				}
				return
			}
		}
	}()
	var err error
	if a.cfg.TLSCert != "" {
		err = server.ServeTLS(l, a.cfg.TLSCert, a.cfg.TLSKey)
	} else {
		err = server.Serve(l)
	}
	if errors.Is(err, http.ErrServerClosed) {
		<-stopped
		return nil
	}
	return err
}
