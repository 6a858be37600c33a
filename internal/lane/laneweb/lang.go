package laneweb

import (
	"context"

	"kua/internal/locale"
)

type langKey struct{}

// withLang carries the language of the address to the page.
func withLang(ctx context.Context, lang locale.Tag) context.Context {
	return context.WithValue(ctx, langKey{}, lang)
}

func langOf(ctx context.Context) locale.Tag { return ctx.Value(langKey{}).(locale.Tag) }
