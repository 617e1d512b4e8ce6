package dev.outboard.nvme;

/**
 * The requests of one queue, a slot each, whose number is the command's id. A slot keeps the whole
 * command, so that it can be sent again. One thread; after construction nothing allocates.
 *
 * <pre>
 *   words of a slot: 0 opcode, flags, id, namespace   3 dwords 10, 11    6 sequence, 0: free
 *                    1 pointer, the data's IOVA       4 dwords 12, 13    7 attempts, data's bytes
 *                    2 second pointer                 5 tag
 * </pre>
 */
final class Requests {
    static final int NONE = -1;

    private static final int WORDS_SHIFT = 3;
    private static final int POINTER = 1;
    private static final int SECOND_POINTER = 2;
    private static final int DWORD10 = 3;
    private static final int DWORD12 = 4;
    private static final int TAG = 5;
    private static final int SEQUENCE = 6;
    private static final int ATTEMPTS_AND_BYTES = 7;
    private static final long ATTEMPT = 1L << Integer.SIZE;
    private static final int SHOWN = 4;

    private final int depth;
    private final long[] words;
    private final int[] free;
    private int freeCount;

    /** Counts what was sent: the higher, the younger. */
    private long sent;

    Requests(int depth) {
        this.depth = depth;
        words = new long[depth << WORDS_SHIFT];
        free = new int[depth];
        for (int slot = 0; slot < depth; slot++) {
            free[slot] = depth - 1 - slot;
        }
        freeCount = depth;
    }

    int depth() {
        return depth;
    }

    int freeCount() {
        return freeCount;
    }

    /** A free slot; there is one. */
    int take() {
        return free[--freeCount];
    }

    /** Back to the free ones. */
    void release(int slot) {
        free[freeCount++] = slot;
    }

    /**
     * Says what a slot's command is.
     *
     * @param dataBytes how much is mapped at the pointer; 0 if nothing is
     */
    void fill(
            int slot,
            long first,
            long pointer,
            long secondPointer,
            long dword10,
            long blocks,
            long tag,
            int dataBytes) {
        int at = slot << WORDS_SHIFT;
        words[at] = first | (long) slot << NvmeDescriptor.ID_SHIFT;
        words[at + POINTER] = pointer;
        words[at + SECOND_POINTER] = secondPointer;
        words[at + DWORD10] = dword10;
        words[at + DWORD12] = blocks;
        words[at + TAG] = tag;
        words[at + ATTEMPTS_AND_BYTES] = dataBytes;
    }

    /** Puts a slot's command into the ring: it is under way. */
    void send(int slot, CommandRing ring) {
        int at = slot << WORDS_SHIFT;
        words[at + SEQUENCE] = ++sent;
        words[at + ATTEMPTS_AND_BYTES] += ATTEMPT;
        ring.add(
                words[at],
                words[at + POINTER],
                words[at + SECOND_POINTER],
                words[at + DWORD10],
                words[at + DWORD12]);
    }

    /** Whether a number that the device wrote is that of a command under way. */
    boolean isUnderWay(int slot) {
        return slot < depth && words[(slot << WORDS_SHIFT) + SEQUENCE] != 0;
    }

    /** It is not any more: a second completion of it is refused. */
    void ended(int slot) {
        words[(slot << WORDS_SHIFT) + SEQUENCE] = 0;
    }

    long tag(int slot) {
        return words[(slot << WORDS_SHIFT) + TAG];
    }

    int attempts(int slot) {
        return (int) (words[(slot << WORDS_SHIFT) + ATTEMPTS_AND_BYTES] >>> Integer.SIZE);
    }

    /** How much is mapped; 0 if nothing is. */
    int dataBytes(int slot) {
        return (int) words[(slot << WORDS_SHIFT) + ATTEMPTS_AND_BYTES];
    }

    long dataIova(int slot) {
        return words[(slot << WORDS_SHIFT) + POINTER];
    }

    /** Its data is unmapped. */
    void unmapped(int slot) {
        words[(slot << WORDS_SHIFT) + ATTEMPTS_AND_BYTES] &= -ATTEMPT;
    }

    long sequence(int slot) {
        return words[(slot << WORDS_SHIFT) + SEQUENCE];
    }

    /** The sequence of what was sent last. */
    long lastSequence() {
        return sent;
    }

    /** What has been under way for the longest time, or {@link #NONE}. */
    int oldest() {
        int found = NONE;
        for (int slot = 0; slot < depth; slot++) {
            if (isUnderWay(slot) && (found == NONE || sequence(slot) < sequence(found))) {
                found = slot;
            }
        }
        return found;
    }

    /** What is under way, for a failure's text: the first few by name. */
    String describe() {
        StringBuilder text = new StringBuilder();
        int count = 0;
        for (int slot = 0; slot < depth; slot++) {
            if (!isUnderWay(slot)) {
                continue;
            }
            if (count++ < SHOWN) {
                text.append(count == 1 ? ": " : ", ").append(describe(slot));
            }
        }
        if (count > SHOWN) {
            text.append(" …");
        }
        return count + (count == 1 ? " request was" : " requests were") + " under way" + text;
    }

    private String describe(int slot) {
        int at = slot << WORDS_SHIFT;
        int opcode = (int) words[at] & 0xff;
        String name =
                switch (opcode) {
                    case NvmeDescriptor.IO_FLUSH -> "flush";
                    case NvmeDescriptor.IO_READ -> "read";
                    case NvmeDescriptor.IO_WRITE -> "write";
                    case NvmeDescriptor.IO_WRITE_ZEROES -> "write of zeroes";
                    default -> "discard";
                };
        boolean hasBlock = opcode != NvmeDescriptor.IO_FLUSH && !name.equals("discard");
        return "%s%s of namespace %d (tag %d)"
                .formatted(
                        name,
                        hasBlock ? " at block " + words[at + DWORD10] : "",
                        (int) (words[at] >>> Integer.SIZE),
                        words[at + TAG]);
    }
}
