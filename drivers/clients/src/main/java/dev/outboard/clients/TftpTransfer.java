package dev.outboard.clients;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * One file on its way here: what each packet of the server means, and what is answered. Knows no
 * clock and no wire; one thread.
 *
 * <pre>
 *   request ──► options ──► acknowledge 0 ──► data … ──► acknowledge … ──► short data ──► done
 *           └─► data (a server without options)
 * </pre>
 *
 * <p>What the server says is checked: it may take options that were asked for, with values no
 * greater; blocks count where they follow on; the file is as long as it said.
 */
final class TftpTransfer {
    private static final int BLOCK_MASK = 0xffff;
    private static final int MOST_TEXT = 255;

    private final Sink sink;
    private final String file;
    private final long mostBytes;
    private final int wantedBlockBytes;
    private final int wantedWindow;
    private int blockBytes = TftpDescriptor.BLOCK_BYTES;
    private int window = 1;
    private long announcedBytes = -1;
    private long blocks;
    private long bytes;
    private long unanswered;
    private long repeated;
    private boolean hasBegun;
    private boolean isDone;
    private boolean hasComplained;
    private String failure;

    /** Where the bytes go. */
    @FunctionalInterface
    interface Sink {
        void write(ByteBuffer bytes) throws IOException;
    }

    /**
     * @param blockBytes that is asked for
     * @param window blocks that may come before an answer: asked for
     * @param mostBytes what the file may have
     */
    TftpTransfer(String file, int blockBytes, int window, long mostBytes, Sink sink) {
        this.file = file;
        wantedBlockBytes = blockBytes;
        wantedWindow = window;
        this.mostBytes = mostBytes;
        this.sink = sink;
    }

    /** What begins it. */
    ByteBuffer request() {
        String words =
                String.join(
                        "\0",
                        file,
                        "octet",
                        TftpDescriptor.OPTION_BLOCK,
                        Integer.toString(wantedBlockBytes),
                        TftpDescriptor.OPTION_SIZE,
                        "0",
                        TftpDescriptor.OPTION_WINDOW,
                        Integer.toString(wantedWindow),
                        "");
        byte[] text = words.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(Short.BYTES + text.length)
                .putShort((short) TftpDescriptor.READ)
                .put(text)
                .flip();
    }

    boolean isDone() {
        return isDone;
    }

    /** Why there will be no file; null while there may. */
    String failure() {
        return failure;
    }

    boolean isOver() {
        return isDone || failure != null;
    }

    boolean hasBegun() {
        return hasBegun;
    }

    /** Grows with everything that brings the end nearer. */
    long progress() {
        return blocks + (hasBegun ? 1 : 0);
    }

    long bytes() {
        return bytes;
    }

    int blockBytes() {
        return blockBytes;
    }

    int window() {
        return window;
    }

    /** Blocks that came out of their order. */
    long repeated() {
        return repeated;
    }

    /**
     * A packet of the server.
     *
     * @return what to answer, or nothing
     */
    Optional<ByteBuffer> take(ByteBuffer packet) {
        if (isOver() || packet.remaining() < Short.BYTES) {
            return Optional.empty();
        }
        int kind = packet.getShort();
        return switch (kind) {
            case TftpDescriptor.DATA -> data(packet);
            case TftpDescriptor.OPTIONS -> options(packet);
            case TftpDescriptor.ERROR -> {
                failure = "the server refuses: " + errorText(packet);
                yield Optional.empty();
            }
            default -> Optional.empty();
        };
    }

    private static String errorText(ByteBuffer packet) {
        if (packet.remaining() < Short.BYTES) {
            return "it does not say why";
        }
        int code = packet.getShort() & BLOCK_MASK;
        StringBuilder text = new StringBuilder();
        while (packet.hasRemaining() && text.length() < MOST_TEXT) {
            char next = (char) (packet.get() & 0xff);
            if (next == 0) {
                break;
            }
            // What a stranger sends does not reach a terminal as it is.
            text.append(next >= ' ' && next < 0x7f ? next : '?');
        }
        return "%s (error %d)".formatted(text, code);
    }

    private Optional<ByteBuffer> options(ByteBuffer packet) {
        if (blocks > 0) {
            return Optional.empty();
        }
        if (hasBegun) {
            // Our answer was lost.
            return Optional.of(acknowledge());
        }
        Map<String, String> given = pairs(packet);
        for (Map.Entry<String, String> option : given.entrySet()) {
            if (!accept(option.getKey(), option.getValue())) {
                failure =
                        "the server answers options that were not asked for: '%s'"
                                .formatted(printable(option.getKey()));
                return Optional.of(error(TftpDescriptor.ERROR_OPTIONS, "option refused"));
            }
        }
        if (announcedBytes > mostBytes) {
            return tooLong(announcedBytes);
        }
        hasBegun = true;
        return Optional.of(acknowledge());
    }

    private static String printable(String text) {
        return text.replaceAll("[^ -~]", "?");
    }

    private boolean accept(String option, String value) {
        long number;
        try {
            number = Long.parseLong(value);
        } catch (NumberFormatException none) {
            return false;
        }
        return switch (option) {
            case TftpDescriptor.OPTION_BLOCK -> {
                blockBytes = (int) Math.max(Math.min(number, wantedBlockBytes), 0);
                yield number >= TftpDescriptor.LEAST_BLOCK_BYTES && number <= wantedBlockBytes;
            }
            case TftpDescriptor.OPTION_WINDOW -> {
                window = (int) Math.max(Math.min(number, wantedWindow), 1);
                yield number >= 1 && number <= wantedWindow;
            }
            case TftpDescriptor.OPTION_SIZE -> {
                announcedBytes = number;
                yield number >= 0;
            }
            default -> false;
        };
    }

    /** Texts that end with zeroes, in pairs; what does not end is nothing. */
    private static Map<String, String> pairs(ByteBuffer packet) {
        Map<String, String> pairs = new LinkedHashMap<>();
        byte[] rest = new byte[packet.remaining()];
        packet.get(rest);
        String[] words = new String(rest, StandardCharsets.ISO_8859_1).split("\0", -1);
        for (int index = 0; index + 2 < words.length; index += 2) {
            pairs.put(words[index].toLowerCase(Locale.ROOT), words[index + 1]);
        }
        return pairs;
    }

    private Optional<ByteBuffer> data(ByteBuffer packet) {
        if (packet.remaining() < Short.BYTES) {
            return Optional.empty();
        }
        int block = packet.getShort() & BLOCK_MASK;
        int length = packet.remaining();
        if (block != (blocks + 1 & BLOCK_MASK)) {
            repeated++;
            return outOfOrder();
        }
        if (length > blockBytes) {
            failure =
                    "the server sends a block of %d bytes where %d were agreed"
                            .formatted(length, blockBytes);
            return Optional.of(error(0, "block too long"));
        }
        if (bytes + length > mostBytes) {
            return tooLong(bytes + length);
        }
        hasBegun = true;
        hasComplained = false;
        write(packet);
        blocks++;
        bytes += length;
        unanswered++;
        if (length < blockBytes) {
            finish();
            return Optional.of(acknowledge());
        }
        return unanswered >= window ? Optional.of(acknowledge()) : Optional.empty();
    }

    /**
     * A block was lost, or came twice. The server is told once how far it got: an answer to each
     * would have it send everything twice from then on.
     */
    private Optional<ByteBuffer> outOfOrder() {
        if (hasComplained || window == 1) {
            return Optional.empty();
        }
        hasComplained = true;
        return Optional.of(acknowledge());
    }

    private void finish() {
        if (announcedBytes >= 0 && announcedBytes != bytes) {
            failure = "the server announced %d bytes and sent %d".formatted(announcedBytes, bytes);
        } else if (failure == null) {
            isDone = true;
        }
    }

    private void write(ByteBuffer data) {
        try {
            sink.write(data);
        } catch (IOException cause) {
            failure = "the file cannot be written: " + cause.getMessage();
        }
    }

    private Optional<ByteBuffer> tooLong(long found) {
        failure =
                "the file has %d bytes or more, and limit=%d allows less"
                        .formatted(found, mostBytes);
        return Optional.of(error(0, "file too long"));
    }

    /** Says again how far this side got, because nothing came. */
    ByteBuffer again() {
        hasComplained = false;
        return hasBegun ? acknowledge() : request();
    }

    private ByteBuffer acknowledge() {
        unanswered = 0;
        return ByteBuffer.allocate(TftpDescriptor.HEADER_BYTES)
                .putShort((short) TftpDescriptor.ACKNOWLEDGE)
                .putShort((short) blocks)
                .flip();
    }

    /** What tells a server that it is not understood. */
    static ByteBuffer error(int code, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
        return ByteBuffer.allocate(TftpDescriptor.HEADER_BYTES + bytes.length + 1)
                .putShort((short) TftpDescriptor.ERROR)
                .putShort((short) code)
                .put(bytes)
                .put((byte) 0)
                .flip();
    }
}
