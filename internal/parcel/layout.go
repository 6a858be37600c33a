package parcel

import "fmt"

const (
	block    = 512
	maxUSTAR = 1<<33 - 1 // the largest size in eleven octal digits

	bagitText = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
)

func bagInfo(bytes int64, files int) string {
	return fmt.Sprintf("Payload-Oxum: %d.%d\n", bytes, files)
}

// bagSize is the exact size of the tar that writeBag makes, end blocks
// included, so that the padding is known before the first byte is read.
func bagSize(report int64, files []ReportFile) int64 {
	const hashAndGap = 64 + 2 + 1 // and the line's end
	bytes := report
	size := entrySize(report)
	manifest := int64(hashAndGap + len(reportPath))
	for _, f := range files {
		bytes += f.Size
		size += entrySize(f.Size)
		manifest += int64(hashAndGap + len(f.Path))
	}
	tags := int64(3*hashAndGap + len(bagitPath) + len(bagInfoPath) + len(manifestPath))
	for _, n := range []int64{int64(len(bagitText)), int64(len(bagInfo(bytes, len(files)+1))), manifest, tags} {
		size += entrySize(n)
	}
	return size + 2*block
}

// entrySize is what a file takes in the tar: its header, its bytes, the rest of
// the last block, and for 8 GiB and more the PAX header with its one record.
func entrySize(size int64) int64 {
	n := block + (size+block-1)/block*block
	if size > maxUSTAR {
		n += 2 * block
	}
	return n
}
