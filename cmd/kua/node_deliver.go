package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/lane/deliver"
	"kua/internal/locale"
	"kua/internal/mail"
)

// delivery is how a node tells authorities of the open lane's reports.
type delivery struct {
	site, server, user, passwordFile, from, keys string
	implicit                                     bool
}

func (d *delivery) flags(a *app, f *pflag.FlagSet) {
	f.StringVar(&d.site, "site", "", a.t("cli.flag.site"))
	f.StringVar(&d.server, "smtp", "", a.t("cli.flag.smtp"))
	f.BoolVar(&d.implicit, "smtp-tls", false, a.t("cli.flag.smtp_tls"))
	f.StringVar(&d.user, "smtp-user", "", a.t("cli.flag.smtp_user"))
	f.StringVar(&d.passwordFile, "smtp-password-file", "", a.t("cli.flag.smtp_password_file"))
	f.StringVar(&d.from, "smtp-from", "", a.t("cli.flag.smtp_from"))
	f.StringVar(&d.keys, "open311-keys", "", a.t("cli.flag.open311_keys"))
}

// post gives the sender of mail; nil without a server.
func (d *delivery) post() (*mail.Sender, error) {
	if d.server == "" {
		return nil, nil
	}
	cfg := mail.Config{Server: d.server, Implicit: d.implicit, User: d.user, From: d.from}
	if d.passwordFile != "" {
		secret, err := readSecret(d.passwordFile)
		if err != nil {
			return nil, err
		}
		cfg.Password = secret
	}
	return mail.New(cfg)
}

// check finds what is wrong before anything is opened.
func (d *delivery) check() error {
	if _, err := deliver.ReadSite(d.site); err != nil {
		return err
	}
	if _, err := d.endpoints(); err != nil {
		return err
	}
	_, err := d.post()
	return err
}

// endpoints reads the keys for Open311 endpoints.
func (d *delivery) endpoints() (deliver.Keys, error) {
	if d.keys == "" {
		return nil, nil
	}
	b, err := os.ReadFile(d.keys)
	if err != nil {
		return nil, fmt.Errorf("read the keys: %w", err)
	}
	return deliver.ReadKeys(string(b))
}

// worker gives what delivers for a lane; name is how the collective calls itself.
func (d *delivery) worker(a *app, l *lane.Lane, words *locale.Catalogue, name func(locale.Tag) string) (*deliver.Worker, error) {
	sender, err := d.post()
	if err != nil {
		return nil, err
	}
	keys, err := d.endpoints()
	if err != nil {
		return nil, err
	}
	cfg := deliver.Config{Lane: l, Keys: keys, Catalogue: words, Site: d.site, Diary: a.diary(), Name: name}
	if sender != nil {
		cfg.Mail = sender.Send
	}
	return deliver.New(cfg)
}

// readSecret reads a file that holds one secret on one line.
func readSecret(file string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read the secret: %w", err)
	}
	secret := strings.TrimRight(string(b), "\r\n")
	if secret == "" || strings.ContainsAny(secret, "\r\n") {
		return "", fault.Invalid("cli.secret_file", file)
	}
	return secret, nil
}

// name is how the collective calls itself, as pages and letters say it.
func (s *served) name(lang locale.Tag) string {
	c, _ := s.Charter()
	return collective(c, lang)
}
