package dev.outboard.models;

import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_INDIRECT;
import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_NEXT;
import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_WRITE;
import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.backend.DeviceQueue;
import java.util.List;
import java.util.Random;

/**
 * Chains at random, direct or indirect, and what a device must make of them.
 *
 * <p>As numbers: head, descriptors of the ring used, how many buffers are readable, then each
 * buffer's length, then the ring's descriptors.
 */
final class RandomChain {
    private static final int LENGTHS = 3;

    private RandomChain() {}

    /** Adds a chain to the ring; null when there is no room. */
    static int[] add(TestRing ring, List<Integer> free, Random random, int buffers, long data) {
        boolean indirect = random.nextBoolean();
        int needed = indirect ? 1 : buffers;
        if (free.size() < needed) {
            return null;
        }
        int readable = random.nextInt(buffers + 1);
        var chain = new int[LENGTHS + buffers + needed];
        chain[1] = needed;
        chain[2] = readable;
        for (int i = 0; i < needed; i++) {
            chain[LENGTHS + buffers + i] = free.remove(random.nextInt(free.size()));
        }
        int head = chain[LENGTHS + buffers];
        chain[0] = head;
        // Each head has a place of its own for its table.
        long table = data + head * 128L;
        for (int i = 0; i < buffers; i++) {
            int length = 1 + random.nextInt(5000);
            chain[LENGTHS + i] = length;
            int flags = (i < readable ? 0 : FLAG_WRITE) | (i + 1 < buffers ? FLAG_NEXT : 0);
            long address = address(data, head, i);
            if (indirect) {
                ring.descriptorAt(table + i * 16L, address, length, flags, i + 1);
            } else {
                int next = i + 1 < buffers ? chain[LENGTHS + buffers + i + 1] : 0;
                ring.descriptor(chain[LENGTHS + buffers + i], address, length, flags, next);
            }
        }
        if (indirect) {
            ring.descriptor(head, table, buffers * 16L, FLAG_INDIRECT, 0);
        }
        ring.offer(head);
        return chain;
    }

    private static long address(long data, int head, int buffer) {
        return data + 0x100_0000L * (head + 1) + 0x1_0000L * buffer;
    }

    static void check(DeviceQueue queue, int[] chain, long seed, int step) {
        int buffers = chain.length - LENGTHS - chain[1];
        assertThat(queue.chain().count()).as("seed %d step %d", seed, step).isEqualTo(buffers);
        assertThat(queue.chain().readableCount())
                .as("seed %d step %d", seed, step)
                .isEqualTo(chain[2]);
        long bytes = 0;
        for (int i = 0; i < buffers; i++) {
            assertThat(queue.chain().lengths()[i]).isEqualTo(chain[LENGTHS + i]);
            bytes += chain[LENGTHS + i];
        }
        assertThat(queue.chain().readableBytes() + queue.chain().writableBytes()).isEqualTo(bytes);
    }

    static void release(int[] chain, List<Integer> free) {
        for (int i = chain.length - chain[1]; i < chain.length; i++) {
            free.add(chain[i]);
        }
    }
}
