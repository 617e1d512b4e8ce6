package dev.outboard.dma;

import dev.outboard.iommu.Access;
import dev.outboard.uio.ProcessControl;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.Scanner;
import java.util.concurrent.TimeUnit;

/**
 * A device in a process of its own, that does what it is told, a line at a time, and answers with a
 * line. Bus addresses are all it knows.
 */
final class DeviceProcess {
    private static final VarHandle WORD = ValueLayout.JAVA_LONG.varHandle();
    private static final int HISTORY = 8;

    /** On a busy machine the owner's answer is late, and that is no failure. */
    private static final long ATTACH_NANOS = TimeUnit.SECONDS.toNanos(50);

    private final IommuAttachment attachment;
    private final DmaWindow window = new DmaWindow();

    private DeviceProcess(IommuAttachment attachment) {
        this.attachment = attachment;
    }

    /** A device of that name in a virtual machine of its own, which says when it is attached. */
    static ChildJvm start(Path ownerSocket, String name) {
        return new ChildJvm(
                DeviceProcess.class,
                List.of("-XX:TieredStopAtLevel=1"),
                ownerSocket.toString(),
                name);
    }

    /** Arguments: the owner's socket, and the device's name. */
    public static void main(String[] arguments) throws IOException {
        ProcessControl.dieWithParent();
        try (IommuAttachment attachment =
                        IommuAttachment.connect(Path.of(arguments[0]), arguments[1], ATTACH_NANOS);
                BufferedReader orders =
                        new BufferedReader(
                                new InputStreamReader(System.in, StandardCharsets.US_ASCII))) {
            System.out.println("attached");
            DeviceProcess device = new DeviceProcess(attachment);
            for (String order = orders.readLine(); order != null; order = orders.readLine()) {
                System.out.println(device.obey(new Scanner(order), orders));
            }
        }
    }

    private String obey(Scanner order, BufferedReader orders) throws IOException {
        return switch (order.next()) {
            case "read" -> access(order.nextLong(), order.nextLong(), Access.READ);
            case "write" -> access(order.nextLong(), order.nextLong(), Access.WRITE);
            case "enter" -> "generation " + attachment.enter();
            case "exit" -> {
                attachment.exit();
                yield "outside";
            }
            case "chase" -> chase(order.nextLong(), order.nextLong(), orders);
            default -> throw new IllegalArgumentException("an order nobody knows");
        };
    }

    /** One access in a section of its own: writes ones, or adds up what it reads. */
    private String access(long iova, long lengthBytes, int access) {
        attachment.enter();
        try {
            long done = 0;
            long sum = 0;
            while (done < lengthBytes) {
                if (!attachment.resolve(iova + done, lengthBytes - done, access, window)) {
                    return "fault after " + done;
                }
                MemorySegment bytes = window.memory.asSlice(window.offset, window.lengthBytes);
                if (access == Access.WRITE) {
                    bytes.fill((byte) 1);
                } else {
                    for (long index = 0; index < window.lengthBytes; index++) {
                        sum += bytes.get(ValueLayout.JAVA_BYTE, index);
                    }
                }
                done += window.lengthBytes;
            }
            return access == Access.WRITE ? "written " + done : "sum " + sum;
        } finally {
            attachment.exit();
        }
    }

    /**
     * Writes wherever it can, as fast as it can, until told to stop: to the IOVAs that two threads
     * of the driver name in the first and the third word at {@code mailbox}, and to those named
     * before. Counts the writes to what each names in the word after.
     */
    private String chase(long mailbox, long seed, BufferedReader orders) throws IOException {
        Random random = new Random(seed);
        long[] named = new long[HISTORY];
        long[] written = new long[2];
        long refused = 0;
        for (long round = 0; (round & 0xfff) != 0 || !orders.ready(); round++) {
            attachment.enter();
            if (!attachment.resolve(mailbox, 32, Access.READ_WRITE, window)) {
                throw new IllegalStateException("the mailbox is gone");
            }
            MemorySegment words = window.memory;
            long at = window.offset;
            // The second thread, if there is one, gets every other round.
            int who = (round & 1) == 1 && (long) WORD.getAcquire(words, at + 16) != 0 ? 1 : 0;
            long iova = (long) WORD.getAcquire(words, at + who * 16);
            if (iova != named[0]) {
                System.arraycopy(named, 0, named, 1, HISTORY - 1);
                named[0] = iova;
            }
            for (int burst = 0; burst < 3; burst++) {
                long target = named[burst == 0 ? 0 : random.nextInt(HISTORY)];
                if (attachment.resolve(target, 8, Access.WRITE, window)) {
                    WORD.setOpaque(window.memory, window.offset, 1L);
                    written[who]++;
                } else {
                    refused++;
                }
            }
            WORD.setRelease(words, at + who * 16 + 8, written[who]);
            attachment.exit();
        }
        orders.readLine();
        return "written " + (written[0] + written[1]) + " refused " + refused;
    }
}
