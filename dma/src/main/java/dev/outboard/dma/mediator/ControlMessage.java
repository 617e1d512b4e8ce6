package dev.outboard.dma.mediator;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * A message between a client and the mediator, over a SEQPACKET socket, host byte order: what kind,
 * some words, and a text. It is a copy: what the peer sends afterwards changes nothing of it.
 *
 * <pre>
 *    0 magic u32   4 version u16   6 kind u16   8 words u16   10 text bytes u16   12 zero u32
 *   16 words u64 × words                        then the text, UTF-8
 * </pre>
 *
 * <pre>
 *   client                                            mediator
 *   HELLO                 name               ──────►  DONE
 *   MEMORY  bytes, essential, pages          ──────►  SEGMENT address, bytes      + its file
 *   RELEASE address, bytes, force            ──────►  DONE, when nothing reaches it
 *   CLAIM   memory, format, entries, IOTLB …   name ─►  DONE domain
 *   ADMIT   domain        name               ──────►  DONE
 *   SERVICE domain                           ──────►  RING service    + ring, doorbell, signal
 *   END_SERVICE service                      ──────►  DONE
 *   END_DOMAIN  domain                       ──────►  DONE, when nothing is reached through it
 *   GRANT   address, bytes, access   device  ──────►  DONE grant
 *   REVOKE  grant                            ──────►  DONE, when nothing reaches it
 *   EXPLAIN service                          ──────►  DONE            text of the last refusal
 *   STATISTICS domain                        ──────►  DONE counters
 *   PRESENT                                  ──────►  DONE
 *                                       or always ◄─  REFUSED why     text
 *   unasked:                                 ◄──────  FAULT domain, IOVA, access, reason   device
 *                                            ◄──────  DEVICES domain, attached
 *                                            ◄──────  GRANTED domain, grant, address, bytes, access
 *                                            ◄──────  ENDED   domain, grant, address, bytes
 * </pre>
 *
 * @param kind one of {@link Kind}
 * @param words at most {@link #MAX_WORDS}
 * @param text at most {@link #MAX_TEXT_BYTES} bytes
 */
record ControlMessage(Kind kind, long[] words, String text) {
    static final int MAX_WORDS = 24;
    static final int MAX_TEXT_BYTES = 1000;

    /** Longer than any message: one that fills it is too long. */
    static final int BUFFER_BYTES = 2048;

    private static final int MAGIC = 0x4f424d44;
    private static final short VERSION = 1;
    private static final int HEADER_BYTES = 16;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
    private static final long[] NO_WORDS = {};

    /** What is asked, answered or told; the order is part of the protocol. */
    enum Kind {
        HELLO(0),
        MEMORY(3),
        RELEASE(3),
        CLAIM(5),
        ADMIT(1),
        SERVICE(1),
        END_SERVICE(1),
        END_DOMAIN(1),
        GRANT(3),
        REVOKE(1),
        EXPLAIN(1),
        STATISTICS(1),
        PRESENT(0),
        DONE(-1),
        REFUSED(1),
        SEGMENT(2),
        RING(1),
        FAULT(4),
        DEVICES(2),
        GRANTED(5),
        ENDED(4);

        static final Kind[] ALL = values();

        /** How many words such a message has; -1 for any number. */
        final int count;

        Kind(int count) {
            this.count = count;
        }

        /** Whether the mediator sends it without being asked. */
        boolean isUnasked() {
            return compareTo(FAULT) >= 0;
        }

        /** Whether clients send it. */
        boolean isRequest() {
            return compareTo(DONE) < 0;
        }
    }

    static ControlMessage of(Kind kind, long... words) {
        return new ControlMessage(kind, words, "");
    }

    static ControlMessage of(Kind kind, String text, long... words) {
        return new ControlMessage(kind, words, text);
    }

    static MemorySegment buffer() {
        return Arena.ofAuto().allocate(BUFFER_BYTES, Long.BYTES);
    }

    long word(int index) {
        return words[index];
    }

    /** A word that is to be an {@code int}; one that is none is -1, which nothing accepts. */
    int number(int index) {
        long word = words[index];
        return word == (int) word ? (int) word : -1;
    }

    /** Puts it into a buffer; returns its length. A text that is too long is cut. */
    int write(MemorySegment buffer) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        int textBytes = Math.min(bytes.length, MAX_TEXT_BYTES);
        buffer.set(INT, 0, MAGIC);
        buffer.set(SHORT, 4, VERSION);
        buffer.set(SHORT, 6, (short) kind.ordinal());
        buffer.set(SHORT, 8, (short) words.length);
        buffer.set(SHORT, 10, (short) textBytes);
        buffer.set(INT, 12, 0);
        for (int index = 0; index < words.length; index++) {
            buffer.set(LONG, HEADER_BYTES + index * (long) Long.BYTES, words[index]);
        }
        int at = HEADER_BYTES + words.length * Long.BYTES;
        MemorySegment.copy(bytes, 0, buffer, ValueLayout.JAVA_BYTE, at, textBytes);
        return at + textBytes;
    }

    /**
     * Copies and checks what was received.
     *
     * @throws IllegalArgumentException if it breaks a rule; the message says which
     */
    static ControlMessage read(MemorySegment buffer, int lengthBytes) {
        if (lengthBytes < HEADER_BYTES || lengthBytes >= BUFFER_BYTES) {
            throw new IllegalArgumentException(
                    "message of lengthBytes=%d is too short or too long".formatted(lengthBytes));
        }
        if (buffer.get(INT, 0) != MAGIC) {
            throw new IllegalArgumentException(
                    "magic=0x%x: the peer does not speak the mediator's protocol"
                            .formatted(buffer.get(INT, 0)));
        }
        if (buffer.get(SHORT, 4) != VERSION) {
            throw new IllegalArgumentException(
                    "version=%d, but this side speaks %d: use one release on both sides"
                            .formatted(buffer.get(SHORT, 4), VERSION));
        }
        int code = buffer.get(SHORT, 6);
        int count = buffer.get(SHORT, 8);
        int textBytes = buffer.get(SHORT, 10);
        if (code < 0 || code >= Kind.ALL.length) {
            throw new IllegalArgumentException("kind=" + code + " is unknown");
        }
        Kind kind = Kind.ALL[code];
        if (count < 0
                || count > MAX_WORDS
                || kind.count >= 0 && count != kind.count
                || textBytes < 0
                || textBytes > MAX_TEXT_BYTES
                || lengthBytes != HEADER_BYTES + count * Long.BYTES + textBytes) {
            throw new IllegalArgumentException(
                    "%s with words=%d textBytes=%d in a message of lengthBytes=%d"
                            .formatted(kind, count, textBytes, lengthBytes));
        }
        long[] words = count == 0 ? NO_WORDS : new long[count];
        for (int index = 0; index < count; index++) {
            words[index] = buffer.get(LONG, HEADER_BYTES + index * (long) Long.BYTES);
        }
        byte[] text = new byte[textBytes];
        MemorySegment.copy(
                buffer,
                ValueLayout.JAVA_BYTE,
                HEADER_BYTES + count * (long) Long.BYTES,
                text,
                0,
                textBytes);
        return new ControlMessage(kind, words, new String(text, StandardCharsets.UTF_8));
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof ControlMessage message
                && kind == message.kind
                && Arrays.equals(words, message.words)
                && text.equals(message.text);
    }

    @Override
    public int hashCode() {
        return 31 * kind.hashCode() + Arrays.hashCode(words);
    }

    @Override
    public String toString() {
        return kind + Arrays.toString(words) + (text.isEmpty() ? "" : " '" + text + "'");
    }
}
