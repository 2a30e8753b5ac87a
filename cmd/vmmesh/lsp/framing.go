package lsp

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/sourcegraph/jsonrpc2"
)

// framing is the protocol's: a header with Content-Length, then a message. Unlike the library's it passes over what is not
// a message, instead of ending the connection.
type framing struct{ jsonrpc2.VSCodeObjectCodec }

// mostMessage is how large a message may be: a text of the size that specs may have, with its escapes.
const mostMessage = 256 << 20

// ReadObject implements [jsonrpc2.ObjectCodec].
func (framing) ReadObject(stream *bufio.Reader, v any) error {
	for {
		length := -1
		for {
			line, err := stream.ReadString('\n')
			if err != nil {
				return err
			}
			line = strings.TrimRight(line, "\r\n")
			if line == "" {
				break
			}
			if name, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(strings.TrimSpace(name), "Content-Length") {
				if n, err := strconv.Atoi(strings.TrimSpace(value)); err == nil && n >= 0 {
					length = n
				}
			}
		}
		if length < 0 {
			continue
		}
		if length > mostMessage {
			return fmt.Errorf("a message of %d bytes is too large", length)
		}
		body, err := io.ReadAll(io.LimitReader(stream, int64(length)))
		if err != nil {
			return err
		}
		if len(body) < length {
			return io.ErrUnexpectedEOF
		}
		if json.Unmarshal(body, v) == nil {
			return nil
		}
	}
}
