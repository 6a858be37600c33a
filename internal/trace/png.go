package trace

// pngEnd stub to be replaced below
func pngEnd(src *source) (int64, error) { return src.size, nil }
