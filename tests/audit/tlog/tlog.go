// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Reads an exported log with the transparency log packages of the Go project (golang.org/x/mod/sumdb/note and
// tlog), which know nothing of bpfwarden, and says what it found:
//
//	tlog DIR [OLD]
//
// The checkpoint is opened with the key beside it, every hash comes out of tiles that were authenticated against
// its root, and every entry is proved to be in the tree. With OLD, the checkpoint of an earlier export, the tree
// is proved to have grown from that one.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func fail(format string, arguments ...interface{}) {
	fmt.Fprintf(os.Stderr, "tlog: "+format+"\n", arguments...)
	os.Exit(1)
}

func read(elements ...string) []byte {
	data, err := os.ReadFile(filepath.Join(elements...))
	if err != nil {
		fail("%v", err)
	}
	return data
}

func checkpoint(message []byte, verifier note.Verifier) tlog.Tree {
	opened, err := note.Open(message, note.VerifierList(verifier))
	if err != nil {
		fail("checkpoint: %v", err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		fail("checkpoint: not three lines of %s", verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		fail("checkpoint: %v", err)
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		fail("checkpoint: no root")
	}
	tree := tlog.Tree{N: size}
	copy(tree.Hash[:], root)
	return tree
}

// The package writes the height of tiles, always 8 here, into their paths; c2sp.org/tlog-tiles does not.
type tiles struct{ directory string }

func (t tiles) Height() int                          { return 8 }
func (t tiles) SaveTiles(_ []tlog.Tile, _ [][]byte) {}
func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range wanted {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		data, err := os.ReadFile(filepath.Join(t.directory, path))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func entries(directory string, size int64) [][]byte {
	var all [][]byte
	for n := int64(0); n*256 < size; n++ {
		tile := tlog.Tile{H: 8, L: -1, N: n, W: 256}
		if size-n*256 < 256 {
			tile.W = int(size - n*256)
		}
		data := read(directory, strings.Replace(tile.Path(), "tile/8/data/", "tile/entries/", 1))
		for i := 0; i < tile.W; i++ {
			length := int(binary.BigEndian.Uint16(data))
			all = append(all, data[2:2+length])
			data = data[2+length:]
		}
		if len(data) != 0 {
			fail("bundle %d: bytes are left over", n)
		}
	}
	return all
}

func main() {
	directory := os.Args[1]
	verifier, err := note.NewVerifier(strings.TrimSuffix(string(read(directory, "key")), "\n"))
	if err != nil {
		fail("key: %v", err)
	}
	tree := checkpoint(read(directory, "checkpoint"), verifier)
	reader := tlog.TileHashReader(tree, tiles{directory})
	all := entries(directory, tree.N)
	lines := bytes.Split(read(directory, "records.jsonl"), []byte("\n"))
	if int64(len(lines)) != tree.N+1 {
		fail("records.jsonl: %d lines", len(lines)-1)
	}
	for i, entry := range all {
		if !bytes.Equal(lines[i], entry) {
			fail("records.jsonl: line %d is not entry %d", i+1, i)
		}
		proof, err := tlog.ProveRecord(tree.N, int64(i), reader)
		if err != nil {
			fail("entry %d: %v", i, err)
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, int64(i), tlog.RecordHash(entry)); err != nil {
			fail("entry %d: %v", i, err)
		}
	}
	fmt.Printf("%s: %d entries\n", verifier.Name(), tree.N)
	if len(os.Args) < 3 {
		return
	}
	old := checkpoint(read(os.Args[2]), verifier)
	proof, err := tlog.ProveTree(tree.N, old.N, reader)
	if err == nil {
		err = tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash)
	}
	if err != nil {
		fail("from %d: %v", old.N, err)
	}
	fmt.Printf("grew from %d\n", old.N)
}
