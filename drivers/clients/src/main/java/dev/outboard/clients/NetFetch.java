package dev.outboard.clients;

import dev.outboard.driver.Client;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.Service;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.internet.Ipv4;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Random;
import java.util.concurrent.TimeUnit;

/** Fetches a file by TFTP, and says what its SHA-256 is. */
public final class NetFetch implements Client {
    private static final int FIRST_PORT = 49_152;
    private static final int PORTS = 16_384;
    private static final int PATIENCE = 6;
    private static final long AGAIN_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final int MOST_WINDOW = 64;

    /** For the service loader. */
    public NetFetch() {}

    @Override
    public String name() {
        return "net-fetch";
    }

    @Override
    public String help() {
        return "fetches a file by TFTP: file=NAME from=10.0.2.2 to=PATH sha256=HEX (checked)"
                + " block=1428 window=16 limit=1073741824 "
                + NetOptions.HELP;
    }

    @Override
    public Class<NetworkService> service() {
        return NetworkService.class;
    }

    @Override
    public void run(Service service, ClientContext context) {
        NetworkService network = (NetworkService) service;
        NetOptions options = NetOptions.of(context, "from", "10.0.2.2");
        String file = context.options().get("file");
        if (file == null || file.isEmpty() || file.indexOf('\0') >= 0 || file.length() > 255) {
            throw new IllegalArgumentException("option file=NAME says what to fetch");
        }
        InternetHost host = new InternetHost(network, context, options.own(), options.mayOffload());
        int mostBlock = host.mostPayloadBytes() - TftpDescriptor.HEADER_BYTES;
        int block =
                (int)
                        NetOptions.number(
                                context,
                                "block",
                                Math.min(1428, mostBlock),
                                TftpDescriptor.LEAST_BLOCK_BYTES,
                                mostBlock);
        int window = (int) NetOptions.number(context, "window", 16, 1, MOST_WINDOW);
        long limit = NetOptions.number(context, "limit", 1L << 30, 0, Long.MAX_VALUE);
        MessageDigest digest = sha256();
        context.ready();
        try (FileSink target = FileSink.open(context.options().get("to"))) {
            TftpTransfer transfer =
                    new TftpTransfer(
                            file,
                            block,
                            window,
                            limit,
                            data -> {
                                digest.update(data.duplicate());
                                target.write(data);
                            });
            long start = System.nanoTime();
            String failure = fetch(host, context, options, transfer);
            double seconds = (System.nanoTime() - start) / 1e9;
            String sum = HexFormat.of().formatHex(digest.digest());
            if (failure == null) {
                failure = mismatch(context, sum);
            }
            if (failure == null) {
                target.keep();
                context.result("sha256", sum);
            } else {
                context.result("error", failure);
            }
            context.result("bytes", transfer.bytes());
            context.result("seconds", seconds);
            context.result("block", transfer.blockBytes());
            context.result("window", transfer.window());
            context.result("repeated", transfer.repeated());
            context.result("dropped", host.dropped());
            context.result(ClientContext.VERIFIED, failure == null);
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }

    private static String mismatch(ClientContext context, String sum) {
        String wanted = context.options().get("sha256");
        return wanted == null || wanted.equalsIgnoreCase(sum)
                ? null
                : "the file's SHA-256 is %s, not %s".formatted(sum, wanted);
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException("every Java has SHA-256", impossible);
        }
    }

    /** Why it did not work; null if it did. */
    private static String fetch(
            InternetHost host, ClientContext context, NetOptions options, TftpTransfer transfer) {
        if (!host.find(options.neighbour())) {
            return "nobody answers ARP for " + Ipv4.text(options.neighbour());
        }
        Conversation conversation = new Conversation(host, options.peer(), transfer);
        host.listen(conversation);
        conversation.begin();
        int silences = 0;
        while (!transfer.isOver() && silences < PATIENCE && !context.isStopping()) {
            long before = transfer.progress();
            long deadline = System.nanoTime() + AGAIN_NANOS;
            while (!transfer.isOver() && transfer.progress() == before && host.step(deadline)) {
                // What comes is the listener's.
            }
            if (transfer.progress() != before) {
                silences = 0;
            } else {
                silences++;
                conversation.again();
            }
        }
        if (transfer.isDone()) {
            return null;
        }
        return transfer.failure() != null
                ? transfer.failure()
                : "%s stopped answering after %d bytes"
                        .formatted(Ipv4.text(options.peer()), transfer.bytes());
    }

    /** The ports of both sides: the server answers from one of its own choice, and stays there. */
    private static final class Conversation implements PacketListener {
        private final InternetHost host;
        private final int peer;
        private final TftpTransfer transfer;
        private final int ownPort = FIRST_PORT + new Random().nextInt(PORTS);
        private int peerPort;

        Conversation(InternetHost host, int peer, TftpTransfer transfer) {
            this.host = host;
            this.peer = peer;
            this.transfer = transfer;
        }

        void begin() {
            host.datagram(peer, ownPort, TftpDescriptor.PORT, transfer.request());
        }

        void again() {
            if (!transfer.hasBegun()) {
                // A new request may be answered from a new port.
                peerPort = 0;
            }
            int port = peerPort != 0 ? peerPort : TftpDescriptor.PORT;
            host.datagram(peer, ownPort, port, transfer.again());
        }

        @Override
        public void onDatagram(int from, int fromPort, int toPort, ByteBuffer payload) {
            if (from != peer || toPort != ownPort) {
                return;
            }
            if (peerPort != 0 && fromPort != peerPort) {
                ByteBuffer refusal =
                        TftpTransfer.error(
                                TftpDescriptor.ERROR_UNKNOWN_TRANSFER, "unknown transfer");
                host.datagram(peer, ownPort, fromPort, refusal);
                return;
            }
            peerPort = fromPort;
            transfer.take(payload)
                    .ifPresent(answer -> host.datagram(peer, ownPort, peerPort, answer));
        }
    }
}
