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
 *   <li>spin: the same, and never gives the processor away
 *   <li>flood: its ring is always full of maps and clears of its own memory
 *   <li>bulk: the same in the longest runs that there are
 *   <li>wide: the same in the largest batches that there are
 *   <li>asleep: the same as flood, and every answer must wake it
 *   <li>garbage: its ring is always full of random words
 *   <li>foreign: its ring is always full of maps of frames that are not its own
 *   <li>mixed: every other turn of it is refused
 *   <li>storm: connects, says its name, and goes, without end
 *   <li>estates: connects, takes memory, claims a domain, and goes, without end
 *   <li>crowd: opens as many rings as it can under many names, and asks for nothing
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
            case "spin" -> client.burn();
            case "flood", "garbage", "foreign", "mixed", "bulk", "wide", "asleep" ->
                    client.fill(arguments[1]);
            case "estates" -> client.estates();
            case "crowd" -> client.crowd();
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

    private void burn() {
        while (true) {
            random.nextLong();
        }
    }

    private void fill(String kind) {
        MediatorClient client = MediatorClient.connect(listen, kind, 5_000_000_000L);
        PhysicalMemory memory = client.memory(16 << 20);
        RemoteDomain domain =
                (RemoteDomain)
                        client.claim(
                                kind + "0",
                                memory,
                                DomainOptions.DEFAULT
                                        .withFormat(DartFormat.INSTANCE)
                                        .withTableEntries(65536));
        long frame = memory.segments().getFirst().physicalAddress() >>> 12;
        MediatorTranslations translations = domain.translations(0);
        RequestRing ring = translations.ring();
        ring.setClientAsleep(kind.equals("asleep"));
        long put = 0;
        while (true) {
            long room = RequestRingDescriptor.SLOTS - (put - ring.takenAcquire());
            for (; room > 0; room--) {
                put++;
                put(kind, ring, put, frame);
            }
            ring.setPutRelease(put);
            if (ring.isMediatorAsleep()) {
                translations.doorbell().signal();
            }
        }
    }

    private void put(String kind, RequestRing ring, long put, long frame) {
        switch (kind) {
            case "flood", "asleep" -> flood(ring, put - 1, frame, 1);
            case "bulk" -> flood(ring, put - 1, frame, Request.MAX_PAGES);
            case "wide" -> wide(ring, put - 1, frame);
            case "foreign" -> foreign(ring, put - 1, frame);
            case "mixed" -> {
                if ((put & 32) == 0) {
                    flood(ring, put - 1, frame, 1);
                } else {
                    foreign(ring, put - 1, frame);
                }
            }
            default -> ring.write(put - 1, random.nextLong(), random.nextLong());
        }
    }

    /** One run over and over: map, commit, clear, settle. */
    private static void flood(RequestRing ring, long at, long frame, int pages) {
        switch ((int) at & 3) {
            case 0 ->
                    ring.write(
                            at,
                            Request.first(Request.MAP, 4096, pages),
                            Request.second(frame, 3, 0));
            case 1 -> ring.write(at, Request.first(Request.COMMIT, 0, 0), 0);
            case 2 -> ring.write(at, Request.first(Request.CLEAR, 4096, pages), Request.INVALIDATE);
            default -> ring.write(at, Request.first(Request.SETTLE, 0, 0), 0);
        }
    }

    /** Batches of the most maps, of pages that are no neighbours. */
    private static void wide(RequestRing ring, long at, long frame) {
        int step = (int) (at % 512);
        int index = step % 256;
        if (index == 255) {
            int code = step < 256 ? Request.COMMIT : Request.SETTLE;
            ring.write(at, Request.first(code, 0, 0), 0);
        } else if (step < 256) {
            long first = Request.first(Request.MAP, 4096 + 2 * index, 1);
            ring.write(at, first, Request.second(frame + index, 3, 0));
        } else {
            long first = Request.first(Request.CLEAR, 4096 + 2 * index, 1);
            ring.write(at, first, Request.INVALIDATE);
        }
    }

    private void foreign(RequestRing ring, long at, long frame) {
        if ((at & 1) == 0) {
            long other = frame + 8192 + random.nextInt(100_000);
            ring.write(at, Request.first(Request.MAP, 1, 1), Request.second(other, 3, 0));
        } else {
            ring.write(at, Request.first(Request.COMMIT, 0, 0), 0);
        }
    }

    private void estates() {
        while (true) {
            try (MediatorClient client = MediatorClient.connect(listen, "estates", 1_000_000_000L);
                    PhysicalMemory memory = client.memory(4 << 20)) {
                client.claim("estate0", memory, DomainOptions.DEFAULT);
            } catch (RuntimeException refused) {
                Thread.yield();
            }
        }
    }

    private void crowd() {
        for (int name = 0; name < 40; name++) {
            MediatorClient client = MediatorClient.connect(listen, "crowd" + name, 5_000_000_000L);
            PhysicalMemory memory = client.memory(4096);
            DomainOptions options = DomainOptions.DEFAULT.withTableEntries(8192).withServices(4);
            for (int index = 0; index < 4; index++) {
                RemoteDomain domain =
                        (RemoteDomain) client.claim("crowd" + name + "-" + index, memory, options);
                for (int slot = 0; slot < 4; slot++) {
                    domain.translations(slot);
                }
            }
        }
        burn();
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
