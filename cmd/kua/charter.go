package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kua/internal/charter"
	"kua/internal/desk"
	"kua/internal/fault"
	"kua/internal/keyring"
	"kua/internal/seal"
)

// deskDirFlag adds --dir, the folder of the collective's desk.
func (a *app) deskDirFlag(c *cobra.Command, dir *string) {
	fallback := a.env("KUA_DIR")
	if fallback == "" {
		fallback = "kua"
	}
	c.PersistentFlags().StringVar(dir, "dir", fallback, a.t("cli.flag.desk_dir"))
}

func (a *app) charterCommand() *cobra.Command {
	c := a.command("charter", "cli.charter", `
  kua charter init --dir kua --name "Drivers' society" --person aigul --person timur --origin kua.example.org/log
  kua charter add-node --dir kua https://kua.example.org KEY
  kua charter sign --dir kua --as aigul`)
	var dir, passFile string
	a.deskDirFlag(c, &dir)
	c.PersistentFlags().StringVar(&passFile, "passphrase-file", "", a.t("cli.flag.passphrase_file"))
	c.AddCommand(
		a.charterInit(&dir, &passFile), a.charterShow(&dir),
		a.charterAddPerson(&dir, &passFile), a.charterRetirePerson(&dir),
		a.charterAddNode(&dir), a.charterRemoveNode(&dir),
		a.charterAddMirror(&dir), a.charterRemoveMirror(&dir), a.charterHandle(&dir),
		a.charterRotateLog(&dir, &passFile), a.charterSign(&dir, &passFile), a.charterDrop(&dir),
	)
	return c
}

func (a *app) charterInit(dir, passFile *string) *cobra.Command {
	var name, origin, handle string
	var people, languages, mirrors, nodes []string
	var threshold int
	c := a.command("init", "cli.charter.init", `
  kua charter init --dir kua --name "Drivers' society" --person aigul --person timur --language kk,ru,en --origin kua.example.org/log`)
	c.Flags().StringVar(&name, "name", "", a.t("cli.flag.name"))
	c.Flags().StringVar(&origin, "origin", "", a.t("cli.flag.origin"))
	c.Flags().StringArrayVar(&people, "person", nil, a.t("cli.flag.person"))
	c.Flags().StringSliceVar(&languages, "language", []string{"kk", "ky", "uz", "tg", "tk", "ru", "en"}, a.t("cli.flag.language"))
	c.Flags().StringArrayVar(&nodes, "node", nil, a.t("cli.flag.node"))
	c.Flags().StringArrayVar(&mirrors, "mirror", nil, a.t("cli.flag.mirror"))
	c.Flags().StringVar(&handle, "handle", "", a.t("cli.flag.handle"))
	c.Flags().IntVar(&threshold, "threshold", 2, a.t("cli.flag.threshold"))
	for _, f := range []string{"name", "origin", "person"} {
		_ = c.MarkFlagRequired(f)
	}
	c.Args = exactly(0)
	c.RunE = func(c *cobra.Command, _ []string) error {
		f := founder{name: map[string]string{languages[0]: name}, languages: languages, mirrors: mirrors, handle: handle, threshold: threshold, origin: origin}
		for _, n := range nodes {
			url, key, ok := strings.Cut(n, "=")
			if !ok {
				return usageError{fmt.Errorf("not URL=KEY: %q", n)}
			}
			f.nodes = append(f.nodes, charter.Node{URL: strings.TrimRight(url, "/"), Key: key})
		}
		for _, p := range people {
			pass, err := a.newPassphrase(p, *passFile)
			if err != nil {
				return err
			}
			f.people = append(f.people, newPerson{p, pass})
		}
		if _, err := f.found(c.Context(), desk.Config{Dir: *dir}); err != nil {
			return err
		}
		a.say("cli.charter.init.done", *dir)
		return a.showCharter(*dir)
	}
	return c
}

func (a *app) charterShow(dir *string) *cobra.Command {
	c := a.command("show", "cli.charter.show", "\n  kua charter show --dir kua")
	c.Args = exactly(0)
	c.RunE = func(*cobra.Command, []string) error { return a.showCharter(*dir) }
	return c
}

func (a *app) showCharter(dir string) error {
	ch, _, err := desk.ReadCharter(dir)
	if err != nil {
		return err
	}
	id, err := ch.ID()
	if err != nil {
		return err
	}
	a.say("cli.charter.id", id)
	a.say("cli.charter.version", ch.Version, ch.Made)
	for _, lang := range ch.Languages {
		if words := ch.Name[lang]; words != "" {
			fmt.Fprintln(a.out, plainLine(fmt.Sprintf("  %s: %s", lang, words)))
		}
	}
	kind, err := seal.KindOf(ch.Recipients())
	if err != nil {
		return err
	}
	a.say("cli.charter.kind."+string(kind), ch.Threshold, len(ch.Current()))
	if ch.NoSpare() {
		a.say("present.no_spare", ch.Threshold)
	}
	for _, p := range ch.People {
		if p.Retired != "" {
			a.say("cli.charter.person.retired", plainLine(p.Name), charter.KeyID(p.PublishKey), p.Retired)
			continue
		}
		a.say("cli.charter.person", plainLine(p.Name), charter.KeyID(p.PublishKey), p.Since)
	}
	for _, n := range ch.Nodes {
		a.say("cli.charter.node", plainLine(n.URL), n.Key)
	}
	for _, m := range ch.Mirrors {
		a.say("cli.charter.mirror", plainLine(m))
	}
	if ch.Handle != "" {
		a.say("cli.charter.handle_of", plainLine(ch.Handle))
	}
	a.say("cli.charter.log", plainLine(ch.Log.Origin), plainLine(ch.Log.Key))
	for _, p := range ch.Log.Past {
		a.say("cli.charter.log_past", plainLine(p.Key), p.Size, p.Root)
	}
	return a.showNext(dir, ch)
}

func (a *app) charterAddPerson(dir, passFile *string) *cobra.Command {
	var file string
	c := a.command("add-person NAME", "cli.charter.add_person", `
  kua charter add-person --dir kua gulnara`)
	c.Flags().StringVar(&file, "key-file", "", a.t("cli.flag.key_file"))
	c.Args = exactly(1)
	c.RunE = func(_ *cobra.Command, args []string) error {
		person, err := a.personFor(*dir, args[0], file, *passFile)
		if err != nil {
			return err
		}
		return a.change(*dir, func(next *charter.Charter) error {
			*next = next.With(person.Public(today()))
			return nil
		})
	}
	return c
}

// personFor opens the key file a person brought, or makes a new one in the desk's folder.
func (a *app) personFor(dir, name, file, passFile string) (*keyring.Person, error) {
	if file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read the key file: %w", err)
		}
		pass, err := a.passphrase(name, passFile)
		if err != nil {
			return nil, err
		}
		person, err := keyring.Unlock(b, pass)
		if err != nil {
			return nil, err
		}
		return person, desk.AddKeyFile(dir, person.Name(), b)
	}
	pass, err := a.newPassphrase(name, passFile)
	if err != nil {
		return nil, err
	}
	person, err := keyring.NewPerson(name)
	if err != nil {
		return nil, err
	}
	b, err := person.Lock(pass)
	if err != nil {
		return nil, err
	}
	return person, desk.AddKeyFile(dir, name, b)
}

func (a *app) charterRetirePerson(dir *string) *cobra.Command {
	c := a.command("retire-person NAME", "cli.charter.retire_person", `
  kua charter retire-person --dir kua timur`)
	c.Args = exactly(1)
	c.RunE = func(_ *cobra.Command, args []string) error {
		return a.change(*dir, func(next *charter.Charter) error {
			retired, err := next.Retire(args[0], today())
			if err == nil {
				*next = retired
			}
			return err
		})
	}
	return c
}

func (a *app) charterAddNode(dir *string) *cobra.Command {
	c := a.command("add-node URL KEY", "cli.charter.add_node", `
  kua charter add-node --dir kua https://kua.example.org R3xZ…=`)
	c.Args = exactly(2)
	c.RunE = func(_ *cobra.Command, args []string) error {
		return a.change(*dir, func(next *charter.Charter) error {
			next.Nodes = append(next.Nodes, charter.Node{URL: strings.TrimRight(args[0], "/"), Key: args[1]})
			return nil
		})
	}
	return c
}

func (a *app) charterRemoveNode(dir *string) *cobra.Command {
	c := a.command("remove-node URL", "cli.charter.remove_node", `
  kua charter remove-node --dir kua https://seized.example.org`)
	c.Args = exactly(1)
	c.RunE = func(_ *cobra.Command, args []string) error {
		return a.change(*dir, func(next *charter.Charter) error {
			before := len(next.Nodes)
			next.Nodes = slices.DeleteFunc(next.Nodes, func(n charter.Node) bool { return n.URL == strings.TrimRight(args[0], "/") })
			if len(next.Nodes) == before {
				return fault.NotFound("cli.charter.no_node", args[0])
			}
			return nil
		})
	}
	return c
}

func (a *app) charterSign(dir, passFile *string) *cobra.Command {
	var as string
	var asking nodeAsking // when the version gives the log a new key
	c := a.command("sign", "cli.charter.sign", `
  kua charter sign --dir kua --as aigul
  kua charter sign --dir kua --as aigul --tor   # when the log gets a new key: the nodes are called`)
	c.Flags().StringVar(&as, "as", "", a.t("cli.flag.as"))
	_ = c.MarkFlagRequired("as")
	asking.flags(a, c.Flags())
	c.Args = exactly(0)
	c.RunE = func(c *cobra.Command, _ []string) error {
		pass, err := a.passphrase(as, *passFile)
		if err != nil {
			return err
		}
		person, err := desk.Unlock(*dir, as, pass)
		if err != nil {
			return err
		}
		return a.signNext(c.Context(), *dir, person, asking)
	}
	return c
}

func (a *app) charterDrop(dir *string) *cobra.Command {
	c := a.command("drop", "cli.charter.drop", "\n  kua charter drop --dir kua")
	c.Args = exactly(0)
	c.RunE = func(*cobra.Command, []string) error { return dropNext(*dir) }
	return c
}

func today() string { return time.Now().UTC().Format(time.DateOnly) }

// founder makes a new collective: keys, the first charter, the desk's folder.
type founder struct {
	name, about        map[string]string
	handle             string
	languages, mirrors []string
	nodes              []charter.Node
	threshold          int
	origin             string
	people             []newPerson
	cost               int // scrypt work factor of the key files, 0 for age's own
}

type newPerson struct{ name, passphrase string }
