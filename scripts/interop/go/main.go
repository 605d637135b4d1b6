// A libp2p node in Go that is none of ours: go-libp2p and go-libp2p-kad-dht under the name of hearsay's Kademlia, with
// what docs/PROTOCOL.md asks of a foreign peer: the hello, a member stream whose frames it ignores, and a validator
// that reads envelopes and checks who signed them. Requests come as JSON, one a line, answers leave so:
//
//	{"do":"join","address":…}  {"do":"put"|"keep","key":…,"value":…}  {"do":"get"|"providers","key":…}  {"do":"find","peer":…}
//
// Bytes are hexadecimal. The first line says where it listens. It ends with its standard input.
package main

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p"
	dht "github.com/libp2p/go-libp2p-kad-dht"
	kbucket "github.com/libp2p/go-libp2p-kbucket"
	record "github.com/libp2p/go-libp2p-record"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

const waitMax = 10 * time.Second

// Types of the hello's messages.
const (
	helloOpen      = 1
	helloChallenge = 2
	helloProof     = 3
	helloAdmit     = 4
)

type request struct{ Do, Address, Key, Value, Peer string }

type answer struct {
	Address string   `json:"address,omitempty"`
	Peer    string   `json:"peer,omitempty"`
	Values  []string `json:"values,omitempty"`
	Peers   []string `json:"peers,omitempty"`
	Count   int      `json:"count"`
	Error   string   `json:"error,omitempty"`
}

type node struct {
	host    host.Host
	dht     *dht.IpfsDHT
	network string
	version byte
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "Usage: interop NETWORK PROTOCOL-VERSION")
		os.Exit(2)
	}
	version, err := strconv.ParseUint(os.Args[2], 10, 8)
	check(err)
	node, err := start(os.Args[1], byte(version))
	check(err)
	say(answer{
		Address: node.host.Addrs()[0].String() + "/p2p/" + node.host.ID().String(),
		Peer:    node.host.ID().String(),
	})
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var asked request
		check(json.Unmarshal(lines.Bytes(), &asked))
		ctx, cancel := context.WithTimeout(context.Background(), waitMax)
		result, err := node.do(ctx, asked)
		cancel()
		if err != nil {
			result.Error = err.Error()
		}
		say(result)
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func say(what answer) {
	line, err := json.Marshal(what)
	check(err)
	fmt.Println(string(line))
}

func start(networkName string, version byte) (*node, error) {
	host, err := libp2p.New(
		libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"),
		libp2p.DisableRelay(),
	)
	if err != nil {
		return nil, err
	}
	validator := record.NamespacedValidator{"k": envelopes{}, "o": envelopes{}, "h": envelopes{}}
	kad, err := dht.New(host,
		dht.ProtocolPrefix(protocol.ID("/hearsay/"+networkName)),
		dht.Mode(dht.ModeServer),
		dht.Validator(validator),
		dht.DisableAutoRefresh(),
	)
	if err != nil {
		return nil, err
	}
	n := &node{host: host, dht: kad, network: networkName, version: version}
	host.SetStreamHandler(n.protocol("hello"), n.admit)
	host.SetStreamHandler(n.protocol("member"), func(stream network.Stream) { io.Copy(io.Discard, stream) })
	return n, nil
}

func (n *node) protocol(name string) protocol.ID {
	return protocol.ID("/hearsay/" + n.network + "/" + name + "/1")
}

func (n *node) do(ctx context.Context, asked request) (answer, error) {
	key, err := hex.DecodeString(asked.Key)
	if err != nil {
		return answer{}, err
	}
	value, err := hex.DecodeString(asked.Value)
	if err != nil {
		return answer{}, err
	}
	switch asked.Do {
	case "join":
		return answer{}, n.join(ctx, asked.Address)
	case "put":
		return answer{}, n.dht.PutValue(ctx, string(key), value)
	case "keep":
		return answer{}, n.keep(ctx, key, value)
	case "get":
		found, err := n.dht.GetValue(ctx, string(key))
		if err != nil {
			return answer{}, err
		}
		return answer{Values: []string{hex.EncodeToString(found)}}, nil
	case "find":
		id, err := peer.Decode(asked.Peer)
		if err != nil {
			return answer{}, err
		}
		found, err := n.dht.FindPeer(ctx, id)
		result := answer{}
		for _, address := range found.Addrs {
			result.Peers = append(result.Peers, address.String())
		}
		return result, err
	case "providers":
		id, err := cid.Cast(key)
		if err != nil {
			return answer{}, err
		}
		found, err := n.dht.FindProviders(ctx, id)
		return answer{Count: len(found)}, err
	}
	return answer{}, errors.New("unknown request")
}

// Connects, says hello and waits until the peer is routed to.
func (n *node) join(ctx context.Context, address string) error {
	info, err := peer.AddrInfoFromString(address)
	if err != nil {
		return err
	}
	if err := n.host.Connect(ctx, *info); err != nil {
		return err
	}
	stream, err := n.host.NewStream(ctx, info.ID, n.protocol("hello"))
	if err != nil {
		return err
	}
	if err := writeFrame(stream, n.introduction(helloOpen)); err != nil {
		return err
	}
	if err := expect(stream, helloChallenge); err != nil {
		return err
	}
	if err := writeFrame(stream, []byte{helloProof, 0, 0}); err != nil {
		return err
	}
	if err := expect(stream, helloAdmit); err != nil {
		return err
	}
	go io.Copy(io.Discard, stream)
	// The host asked who answers before the hello, was refused, and does not ask twice on a connection.
	if err := n.speaksKad(info.ID); err != nil {
		return err
	}
	for n.dht.RoutingTable().Find(info.ID) == "" {
		select {
		case <-ctx.Done():
			return errors.New("no place in the routing table")
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

// Tells the DHT what identify would have told.
func (n *node) speaksKad(id peer.ID) error {
	kad := []protocol.ID{protocol.ID("/hearsay/" + n.network + "/kad/1.0.0")}
	if err := n.host.Peerstore().AddProtocols(id, kad...); err != nil {
		return err
	}
	emitter, err := n.host.EventBus().Emitter(new(event.EvtPeerProtocolsUpdated))
	if err != nil {
		return err
	}
	defer emitter.Close()
	return emitter.Emit(event.EvtPeerProtocolsUpdated{Peer: id, Added: kad})
}

// The other end of the hello: whoever dials is admitted.
func (n *node) admit(stream network.Stream) {
	if expect(stream, helloOpen) != nil || writeFrame(stream, n.introduction(helloChallenge)) != nil {
		stream.Reset()
		return
	}
	if expect(stream, helloProof) != nil || writeFrame(stream, []byte{helloAdmit, 0}) != nil {
		stream.Reset()
		return
	}
	io.Copy(io.Discard, stream)
}

func (n *node) introduction(kind byte) []byte {
	random := make([]byte, 32+8)
	rand.Read(random)
	body := append([]byte{kind, n.version, n.version, byte(len(n.network))}, n.network...)
	return append(append(body, random...), 0)
}

func writeFrame(stream io.Writer, body []byte) error {
	_, err := stream.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...))
	return err
}

func expect(stream io.Reader, kind byte) error {
	head := make([]byte, 4)
	if _, err := io.ReadFull(stream, head); err != nil {
		return err
	}
	length := binary.BigEndian.Uint32(head)
	if length == 0 || length > 8192 {
		return fmt.Errorf("frame of %d bytes", length)
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(stream, body); err != nil {
		return err
	}
	if body[0] != kind {
		return fmt.Errorf("hello message %d instead of %d: %q", body[0], kind, body[1:])
	}
	return nil
}

// Keeps a record here alone, for whoever asks: nobody is there to be given it.
func (n *node) keep(ctx context.Context, key, value []byte) error {
	if n.dht.RoutingTable().Size() > 0 {
		return errors.New("keep comes before join")
	}
	if err := n.dht.PutValue(ctx, string(key), value); !errors.Is(err, kbucket.ErrLookupFailure) {
		return err
	}
	return nil
}

// Validates records as PROTOCOL.md says, and selects the latest.
type envelopes struct{}

type envelope struct {
	key           string
	author        []byte
	stamp, expiry uint64
}

func (envelopes) Validate(key string, bytes []byte) error {
	read, err := readEnvelope(bytes)
	if err != nil {
		return err
	}
	if read.key != key {
		return fmt.Errorf("record of %q", read.key)
	}
	if read.expiry <= uint64(time.Now().UnixMilli()) {
		return errors.New("expired")
	}
	return nil
}

func (envelopes) Select(_ string, values [][]byte) (int, error) {
	best, bestAt := envelope{}, -1
	for i, bytes := range values {
		read, err := readEnvelope(bytes)
		if err != nil {
			continue
		}
		if bestAt < 0 || read.stamp > best.stamp || read.stamp == best.stamp && string(read.author) > string(best.author) {
			best, bestAt = read, i
		}
	}
	if bestAt < 0 {
		return 0, errors.New("no sound record")
	}
	return bestAt, nil
}

func readEnvelope(bytes []byte) (read envelope, err error) {
	if len(bytes) < 3+ed25519.SignatureSize {
		return read, errors.New("record too short")
	}
	format, namespace := bytes[0], bytes[1]
	in := &reader{rest: bytes[3:]}
	name := in.take(in.varint())
	read.author = in.take(ed25519.PublicKeySize)
	read.stamp, read.expiry = in.varint(), in.varint()
	signedBytes := len(bytes) - len(in.rest)
	value := in.take(in.varint())
	if format == 1 {
		signedBytes = len(bytes) - len(in.rest)
	}
	signature := in.take(ed25519.SignatureSize)
	if in.failed || len(in.rest) > 0 || (format != 1 && (format != 2 || namespace != 'h')) {
		return read, errors.New("malformed record")
	}
	message := append([]byte("hearsay record 1\n"), bytes[:signedBytes]...)
	if !ed25519.Verify(read.author, message, signature) {
		return read, errors.New("bad signature")
	}
	hash := sha256.Sum256(value)
	if namespace == 'h' && hex.EncodeToString(hash[:]) != string(name) {
		return read, errors.New("key is not the hash of the value")
	}
	read.key = "/" + string(namespace) + "/" + string(name)
	if namespace == 'o' {
		author, err := crypto.UnmarshalEd25519PublicKey(read.author)
		if err != nil {
			return read, err
		}
		id, err := peer.IDFromPublicKey(author)
		if err != nil {
			return read, err
		}
		read.key = "/o/" + id.String() + "/" + string(name)
	}
	return read, nil
}

type reader struct {
	rest   []byte
	failed bool
}

func (r *reader) take(length uint64) []byte {
	if length > uint64(len(r.rest)) {
		r.failed = true
		length = 0
	}
	taken := r.rest[:length]
	r.rest = r.rest[length:]
	return taken
}

func (r *reader) varint() uint64 {
	value, length := binary.Uvarint(r.rest)
	if length <= 0 {
		r.failed = true
		return 0
	}
	r.rest = r.rest[length:]
	return value
}
