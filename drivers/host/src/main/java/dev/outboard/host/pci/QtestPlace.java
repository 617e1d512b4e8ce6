package dev.outboard.host.pci;

import dev.outboard.driver.DeviceId;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A device of QEMU's, as an address names it: {@code edu}, or {@code nvme,file=disk.raw}.
 *
 * @param kind what it is
 * @param options what it is given
 */
record QtestPlace(Kind kind, Map<String, String> options) {
    /** Where in its machine it is. */
    static final String PLACE = "00:04.0";

    private static final String FILE = "file";
    private static final String TFTP = "tftp";

    /** The devices that there are drivers for. */
    enum Kind {
        /** Any IOVA: without an IOMMU it has to reach physical addresses of any size. */
        EDU("edu", "edu,dma_mask=0xffffffffffffffff", null, pci(0x1234, 0x11e8, 0x00ff00)),
        NVME("nvme", "nvme,drive=d,serial=qtest", FILE, pci(0x1b36, 0x0010, 0x010802)),
        E1000E("e1000e", "e1000e,netdev=n", TFTP, pci(0x8086, 0x10d3, 0x020000)),
        VIRTIO_NET(
                "virtio-net",
                "virtio-net-pci,disable-legacy=on,packed=on,mq=off,netdev=n",
                TFTP,
                virtio(1)),
        VIRTIO_BLK(
                "virtio-blk",
                "virtio-blk-pci,disable-legacy=on,packed=on,drive=d",
                FILE,
                virtio(2));

        private final String word;
        private final String device;

        /** The one option that it takes, or null. */
        private final String option;

        private final DeviceId id;

        Kind(String word, String device, String option, DeviceId id) {
            this.word = word;
            this.device = device;
            this.option = option;
            this.id = id;
        }

        private static DeviceId pci(int vendor, int device, int classCode) {
            return new DeviceId("pci", vendor, device, classCode);
        }

        private static DeviceId virtio(int type) {
            return new DeviceId("virtio", DeviceId.ANY, type);
        }
    }

    /** What addresses look like. */
    static final String HELP =
            "qtest:DEVICE (QEMU's own, without a guest: edu; nvme,file=PATH; virtio-blk,file=PATH;"
                    + " e1000e or virtio-net, with tftp=FOLDER for files at 10.0.2.2)";

    /**
     * Reads an address; nothing is started.
     *
     * @throws IllegalArgumentException if it is none, or names a file that is not there
     */
    static QtestPlace parse(String location) {
        String[] words = location.split(",", -1);
        for (Kind kind : Kind.values()) {
            if (kind.word.equals(words[0])) {
                return new QtestPlace(kind, options(kind, words));
            }
        }
        throw new IllegalArgumentException(
                "there is no device '%s' on this bus: %s".formatted(words[0], HELP));
    }

    private static Map<String, String> options(Kind kind, String[] words) {
        Map<String, String> options = new LinkedHashMap<>();
        for (int index = 1; index < words.length; index++) {
            int equals = words[index].indexOf('=');
            String name = equals < 0 ? words[index] : words[index].substring(0, equals);
            if (equals < 0 || !name.equals(kind.option) || options.containsKey(name)) {
                throw new IllegalArgumentException(
                        "'%s' is no option of %s here: %s"
                                .formatted(words[index], kind.word, HELP));
            }
            options.put(name, words[index].substring(equals + 1));
        }
        String path = options.get(kind.option);
        if (path == null && FILE.equals(kind.option)) {
            throw new IllegalArgumentException(
                    "%s needs file=PATH: what is on the disk".formatted(kind.word));
        }
        if (path != null && !isThere(kind, Path.of(path))) {
            throw new IllegalArgumentException(
                    "%s=%s: there is no such %s"
                            .formatted(kind.option, path, isDisk(kind) ? "file" : "folder"));
        }
        return options;
    }

    private static boolean isDisk(Kind kind) {
        return FILE.equals(kind.option);
    }

    private static boolean isThere(Kind kind, Path path) {
        return isDisk(kind) ? Files.isRegularFile(path) : Files.isDirectory(path);
    }

    String name() {
        return kind.word;
    }

    /** What drivers match. */
    DeviceId id() {
        return kind.id;
    }

    /** What QEMU is started with. */
    List<String> arguments() {
        List<String> arguments = new ArrayList<>();
        if (isDisk(kind)) {
            arguments.addAll(
                    List.of("-drive", "if=none,id=d,format=raw,file=" + path(options.get(FILE))));
        } else if (TFTP.equals(kind.option)) {
            String folder = options.containsKey(TFTP) ? ",tftp=" + path(options.get(TFTP)) : "";
            // Restricted: the host that QEMU plays, and nothing behind it.
            arguments.addAll(List.of("-netdev", "user,id=n,restrict=on" + folder));
        }
        arguments.addAll(List.of("-device", kind.device + ",addr=04.0"));
        return arguments;
    }

    /** QEMU runs in another folder. An address has no comma, so that none is to be doubled. */
    private static Path path(String text) {
        return Path.of(text).toAbsolutePath();
    }
}
