package desk

import (
	"context"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"kua/internal/canon"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/onion"
	"kua/internal/record"
	"kua/internal/site"
	"kua/internal/spread"
)

// copiesInPost is how many nodes' addresses of a record stand in a post.
const copiesInPost = 2

// message makes what a post carries of the newest published version of its record:
// public words, links, and files that the newest edition lists by the hashes that
// the signed record names; of these what the channel's platform takes.
func (d *Desk) message(ctx context.Context, c spread.Channel, p spread.Post) (spread.Message, error) {
	r, document, err := d.newest(ctx, p.Record)
	if err != nil {
		return spread.Message{}, err
	}
	if r.Status == record.Withdrawn {
		return spread.Message{}, fault.Conflict("spread.withdrawn", r.ID)
	}
	if r.Version != p.Version {
		return spread.Message{}, fault.Conflict("spread.not_newest", r.ID, p.Version, r.Version)
	}
	language, err := spread.Language(c, r)
	if err != nil {
		return spread.Message{}, err
	}
	m := spread.Message{Key: p.Key, Record: r.ID, Version: r.Version, Language: language, Title: r.Title[language], Summary: r.Summary[language],
		Correction: r.Correction[language], Links: d.links(c, r, language, canon.Hash(document))}
	if len(m.Links) == 0 {
		return m, fault.Conflict("spread.no_address")
	}
	now, err := d.edition()
	if err != nil {
		return m, err
	}
	page := locale.Tag(language).Path() + site.Address(r.ID)
	if _, err := now.manifest.Find(page, edition.FilesIn(os.DirFS(d.Tree()))); err != nil {
		return m, fault.Conflict("spread.not_in_edition", page).Because(err)
	}
	for _, f := range spread.Choose(c, r) {
		if err := d.withBytes(now.manifest, &f); err != nil {
			return m, err
		}
		m.Files = append(m.Files, f)
	}
	if c.May(spread.Card) {
		f, err := d.shareCard(r, m)
		if err != nil {
			return m, err
		}
		m.Files = append(m.Files, f)
	}
	kind, err := d.kind(c)
	if err != nil {
		return m, err
	}
	return kind.Fit(m)
}

// farewell makes what people are told of a post that is taken back, where nothing
// can be taken away. It is not looked at before: nothing keeps a withdrawal waiting.
func (d *Desk) farewell(ctx context.Context, c spread.Channel, p spread.Post) (spread.Message, error) {
	r, document, err := d.newest(ctx, p.Record)
	if err != nil {
		return spread.Message{}, err
	}
	reason, _ := locale.Tag(p.Language).Text(r.Reason)
	return spread.Message{Key: p.Key, Record: r.ID, Version: r.Version, Language: p.Language, Summary: reason, Withdrawn: r.Status == record.Withdrawn,
		Links: d.links(c, r, p.Language, canon.Hash(document))}, nil
}

// newest gives the newest published version of a record and its document.
func (d *Desk) newest(ctx context.Context, id string) (record.Record, []byte, error) {
	version, document, err := d.db.Newest(ctx, id)
	if err != nil {
		return record.Record{}, nil, err
	}
	if version == 0 {
		return record.Record{}, nil, fault.NotFound("spread.not_published", id)
	}
	r, err := record.Parse(document)
	return r, document, err
}

// withBytes lets a file be read out of the newest edition, if that lists these bytes.
func (d *Desk) withBytes(m edition.Manifest, f *spread.File) error {
	ext, _ := record.Extension(f.Type)
	path := "blobs/" + f.SHA256[:2] + "/" + f.SHA256 + "." + ext
	listed, err := m.Find(path, edition.FilesIn(os.DirFS(d.Tree())))
	if err != nil || listed.SHA256 != f.SHA256 || listed.Size != f.Size {
		return fault.Conflict("spread.not_in_edition", f.SHA256).Because(err)
	}
	f.Open = func() (io.ReadCloser, error) {
		in, err := os.Open(filepath.Join(d.Tree(), filepath.FromSlash(path)))
		if err != nil {
			return nil, err
		}
		return spread.Checked(in, f.SHA256, f.Size), nil
	}
	return nil
}

// links gives where readers find the record, and where its signed document is, with
// its hash.
func (d *Desk) links(c spread.Channel, r record.Record, language, sum string) []spread.Link {
	tag := locale.Tag(language)
	say := func(key string, args ...any) string { return d.cat.T(tag, key, args...) }
	return spread.Links(say, d.bases(c), tag.Path()+site.Address(r.ID), r.Path(), sum)
}

// bases gives the addresses to which a post leads: the first nodes of the charter
// that stand in the open net; in a letter, which has room, those that a page's foot
// names, the onion's too.
func (d *Desk) bases(c spread.Channel) (all []string) {
	if d.gathers(c) {
		return site.Addresses(d.Charter())
	}
	for _, n := range d.nodes() {
		u, err := url.Parse(n.URL)
		if err != nil || u.Host == "" || onion.Is(u.Hostname()) || len(all) == copiesInPost {
			continue
		}
		all = append(all, strings.TrimRight(n.URL, "/"))
	}
	return all
}

// reached refuses a record that no node holds yet: no channel may have the only copy.
func (d *Desk) reached(ctx context.Context, id string, version int) error {
	return d.reachedAt(ctx, "", id, version)
}

// reachedAt is reached for the node with this address; "" is any.
func (d *Desk) reachedAt(ctx context.Context, url, id string, version int) error {
	number, err := d.db.EditionOf(ctx, id, version)
	if err != nil {
		return err
	}
	nodes, err := d.Nodes(ctx)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		if n.Edition >= number && (url == "" || url == n.URL) {
			return nil
		}
	}
	return fault.Conflict("spread.only_copy", id, number)
}
