package dev.outboard.dma.mediator;

import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.mediator.ControlMessage.Kind;
import dev.outboard.iommu.DartFormat;
import dev.outboard.uio.ProcessControl;
import dev.outboard.uio.UnixSocket;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Random;

/**
 * A client in a process of its own that misbehaves until it is killed.
 *
 * <ul>
 *   <li>silent: spins, and asks for nothing: what the others are compared with
 *   <li>flood: its ring is always full of maps and clears of its own memory
 *   <li>garbage: its ring is always full of random words
 *   <li>foreign: its ring is always full of maps of frames that are not its own
 *   <li>storm: connects, says its name, and goes, without end
 *   <li>messages: sends messages of random kinds, and reads no answer
 *   <li>hang: connects as often as it can, and says nothing
 * </ul>
 */
final class HostileClient {
    private final Path listen;
    private final Random random = new Random(42);
    private final MemorySegment buffer = ControlMessage.buffer();

    private HostileClient(Path listen) {
        this.listen = listen;
    }

    /** Arguments: the mediator's socket, and what to do. */
    public static void main(String[] arguments) throws IOException {
        ProcessControl.dieWithParent();
        HostileClient client = new HostileClient(Path.of(arguments[0]));
        System.out.println("ready " + ProcessHandle.current().pid());
        switch (arguments[1]) {
            case "silent" -> client.spin();
            case "flood", "garbage", "foreign" -> client.fill(arguments[1]);
            case "storm" -> client.storm();
            case "messages" -> client.messages();
            case "hang" -> client.hang();
            default -> throw new IllegalArgumentException(arguments[1]);
        }
    }

    private void spin() {
        while (true) {
            Thread.yield();
            random.nextLong();
        }
    }

    private void fill(String kind) {
        MediatorClient client = MediatorClient.connect(listen, "hostile", 5_000_000_000L);
        PhysicalMemory memory = client.memory(1 << 20);
        RemoteDomain domain =
                (RemoteDomain)
                        client.claim(
                                "hostile0",
                                memory,
                                DomainOptions.DEFAULT
                                        .withFormat(DartFormat.INSTANCE)
                                        .withTableEntries(8192));
        long frame = memory.segments().getFirst().physicalAddress() >>> 12;
        MediatorTranslations translations = domain.translations(0);
        RequestRing ring = translations.ring();
        long put = 0;
        while (true) {
            long room = RequestRingDescriptor.SLOTS - (put - ring.takenAcquire());
            for (; room > 0; room--) {
                put++;
                switch (kind) {
                    case "flood" -> flood(ring, put, frame);
                    case "foreign" -> foreign(ring, put, frame);
                    default -> ring.write(put - 1, random.nextLong(), random.nextLong());
                }
            }
            ring.setPutRelease(put);
            if (ring.isMediatorAsleep()) {
                translations.doorbell().signal();
            }
        }
    }

    /** One page over and over: map, commit, clear, settle. */
    private static void flood(RequestRing ring, long put, long frame) {
        long at = put - 1;
        switch ((int) at & 3) {
            case 0 -> ring.write(at, Request.first(Request.MAP, 1, 1), Request.second(frame, 3, 0));
            case 1 -> ring.write(at, Request.first(Request.COMMIT, 0, 0), 0);
            case 2 -> ring.write(at, Request.first(Request.CLEAR, 1, 1), Request.INVALIDATE);
            default -> ring.write(at, Request.first(Request.SETTLE, 0, 0), 0);
        }
    }

    private void foreign(RequestRing ring, long put, long frame) {
        long at = put - 1;
        if ((at & 1) == 0) {
            long other = frame + 1024 + random.nextInt(100_000);
            ring.write(at, Request.first(Request.MAP, 1, 1), Request.second(other, 3, 0));
        } else {
            ring.write(at, Request.first(Request.COMMIT, 0, 0), 0);
        }
    }

    private void storm() {
        while (true) {
            try (UnixSocket socket =
                    UnixSocket.connect(listen, UnixSocket.Kind.SEQPACKET, 1_000_000_000L)) {
                int length = ControlMessage.of(Kind.HELLO, "storm").write(buffer);
                socket.send(buffer, 0, length);
            } catch (RuntimeException refused) {
                Thread.yield();
            }
        }
    }

    private void messages() {
        while (true) {
            try (UnixSocket socket =
                    UnixSocket.connect(listen, UnixSocket.Kind.SEQPACKET, 1_000_000_000L)) {
                socket.send(buffer, 0, ControlMessage.of(Kind.HELLO, "messages").write(buffer));
                for (int count = 0; count < 10_000; count++) {
                    Kind kind = Kind.ALL[random.nextInt(Kind.STATISTICS.ordinal() + 1)];
                    long[] words = new long[kind.count];
                    for (int index = 0; index < words.length; index++) {
                        words[index] = random.nextInt(1 << 20);
                    }
                    socket.send(buffer, 0, ControlMessage.of(kind, "x", words).write(buffer));
                }
            } catch (RuntimeException gone) {
                Thread.yield();
            }
        }
    }

    private void hang() {
        ArrayDeque<UnixSocket> open = new ArrayDeque<>();
        while (true) {
            try {
                open.add(UnixSocket.connect(listen, UnixSocket.Kind.SEQPACKET, 1_000_000));
                if (open.size() > 200) {
                    open.remove().close();
                }
            } catch (RuntimeException refused) {
                Thread.yield();
            }
        }
    }
}
