package main

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kua/internal/blob/s3"
	"kua/internal/fault"
	"kua/internal/mirror"
	"kua/internal/mirror/sftp"
	"kua/internal/reader"
)

func (a *app) mirrorServe() *cobra.Command {
	var at mirror.Listen
	c := a.command("serve DIR", "cli.mirror.serve", `
  kua mirror serve copy --addr :8080
  kua mirror serve copy --addr :443 --tls-cert cert.pem --tls-key key.pem`)
	c.Flags().StringVar(&at.Addr, "addr", "127.0.0.1:8415", a.t("cli.flag.mirror_addr"))
	c.Flags().StringVar(&at.CertFile, "tls-cert", "", a.t("cli.flag.tls_cert"))
	c.Flags().StringVar(&at.KeyFile, "tls-key", "", a.t("cli.flag.tls_key"))
	c.Args = exactly(1)
	c.RunE = func(c *cobra.Command, args []string) error {
		m, err := mirror.Look(args[0]) // finishes what a kill left half done
		if err != nil {
			return err
		}
		if err := m.Close(); err != nil {
			return err
		}
		maker, err := a.newMaker()
		if err != nil {
			return err
		}
		at.Single = reader.NewServer(maker)
		a.warn("cli.mirror.serve.at", at.Addr)
		if at.CertFile == "" {
			a.warn("cli.mirror.serve.plain")
		}
		return mirror.Serve(c.Context(), args[0], at)
	}
	return c
}

func (a *app) mirrorWatch() *cobra.Command {
	var f pullFlags
	var every time.Duration
	c := a.command("watch DIR", "cli.mirror.watch", `
  kua mirror watch copy --every 6h
  kua mirror watch copy --from https://kua.example.org --every 24h --window 3h`)
	f.add(a, c)
	c.Flags().DurationVar(&every, "every", 6*time.Hour, a.t("cli.flag.mirror_every"))
	c.Args = exactly(1)
	c.RunE = func(c *cobra.Command, args []string) error {
		if every < time.Second {
			return fault.Invalid("mirror.every", every)
		}
		last := func() {}
		defer func() { last() }()
		options := func(ctx context.Context) (mirror.Options, error) {
			last()
			last = func() {}
			opts, close, err := f.options(ctx, a, args[0])
			if err == nil {
				last = close
			}
			return opts, err
		}
		return mirror.Watch(c.Context(), args[0], every, options, a.sayRound)
	}
	return c
}

func (a *app) sayRound(r mirror.Round) {
	if r.Err != nil {
		a.warn("cli.mirror.watch.failed", r.Err)
	} else if r.Result.Outcome != mirror.Unchanged || len(r.Result.Aside) > 0 {
		a.sayPull(r.Result)
	}
	if r.Is != "" && r.Is != r.Was {
		a.say("cli.mirror.watch.label", a.t("cli.verify.freshness."+string(r.Is)))
	}
}

func (a *app) mirrorPush() *cobra.Command {
	var key, knownHosts string
	var asJSON, trust bool
	workers := 4
	c := a.command("push DIR TARGET", "cli.mirror.push", `
  kua mirror push copy /media/stick/edition
  kua mirror push copy s3://s3.example.org/bucket/edition
  kua mirror push copy sftp://www@host.example.net/htdocs --ssh-key ~/.ssh/id_ed25519`)
	c.Flags().StringVar(&key, "ssh-key", "", a.t("cli.flag.mirror_ssh_key"))
	c.Flags().StringVar(&knownHosts, "known-hosts", "", a.t("cli.flag.mirror_known_hosts"))
	c.Flags().BoolVar(&trust, "trust-new-host", false, a.t("cli.flag.mirror_trust"))
	c.Flags().IntVar(&workers, "workers", workers, a.t("cli.flag.mirror_workers"))
	c.Flags().BoolVar(&asJSON, "json", false, a.t("cli.flag.json"))
	c.Args = exactly(2)
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		m, err := mirror.Open(args[0], false)
		if err != nil {
			return err
		}
		defer m.Close()
		t, err := a.mirrorTarget(c.Context(), args[1], sftp.Config{URL: args[1], KeyFile: key, KnownHosts: knownHosts, TrustNew: trust})
		if err != nil {
			return err
		}
		if closer, ok := t.(io.Closer); ok {
			defer closer.Close()
		}
		bar, finish := a.bar("cli.mirror.push.progress")
		out, err := m.Push(c.Context(), t, workers, func(p mirror.Progress) { bar(p.Bytes, p.OfBytes) })
		finish()
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(a.out, out)
		}
		a.say("cli.mirror.pushed", out.Edition, out.Target, out.Files, out.Bytes, out.Removed)
		return nil
	}
	return c
}

// mirrorTarget opens what a person names as a place to push to.
func (a *app) mirrorTarget(ctx context.Context, name string, ssh sftp.Config) (mirror.Target, error) {
	scheme, _, ok := strings.Cut(name, "://")
	switch {
	case !ok:
		return mirror.DirTarget(strings.TrimPrefix(name, "dir:"))
	case scheme == "s3", scheme == "s3+http":
		return a.bucketTree(ctx, name, &mirror.Web{})
	case scheme == "sftp":
		ssh.Passphrase, ssh.Password, ssh.Agent = a.env("KUA_SSH_PASSPHRASE"), a.env("KUA_SSH_PASSWORD"), a.env("SSH_AUTH_SOCK")
		if ssh.KnownHosts == "" {
			ssh.KnownHosts = filepath.Join(a.env("HOME"), ".ssh", "known_hosts")
		}
		return sftp.Open(ctx, ssh)
	}
	return nil, fault.Invalid("mirror.target", name)
}

// bucketTree opens a bucket that holds an edition.
func (a *app) bucketTree(ctx context.Context, name string, web *mirror.Web) (*s3.Tree, error) {
	through, err := web.Through()
	if err != nil {
		return nil, err
	}
	cfg := s3.Config{URL: name, Region: a.env("AWS_REGION"), Key: a.env("AWS_ACCESS_KEY_ID"), Secret: a.env("AWS_SECRET_ACCESS_KEY")}
	return s3.OpenTree(ctx, cfg, through)
}
