package dev.outboard.perf.guest;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;

/**
 * The devices of the guest, each at its place, and what stands behind them on this machine.
 *
 * @param disk behind the NVMe controller
 * @param served the folder that the network's other end serves by TFTP
 */
record GuestDevices(Path disk, Path served) {
    static final String EDU = "0000:00:04.0";
    static final String NVME = "0000:00:05.0";
    static final String E1000E = "0000:00:06.0";
    static final String VIRTIO_NET = "0000:00:07.0";
    static final String VIRTIO_BLK = "0000:00:08.0";

    /** Two behind one bridge to conventional PCI: no IOMMU can tell them apart. */
    static final String GROUPED_EDU = "0000:01:01.0";

    static final String GROUPED_NIC = "0000:01:02.0";

    /** What the network's other end serves. */
    static final String FILE = "file.bin";

    static final int FILE_BYTES = 1_000_003;
    static final long DISK_BYTES = 64L << 20;

    /** In the guest's environment: the SHA-256 of what is served. */
    static final String SUM_VARIABLE = "OUTBOARD_FILE_SHA256";

    private static final long OTHER_DISK_BYTES = 64L << 20;

    /** Else it cuts an address to 28 bits, as its driver in a kernel would be told to. */
    private static final String WIDE = ",dma_mask=0xffffffffffffffff";

    private static final String OTHER_DISK = "disk.raw";

    /** Makes the files in a folder. */
    static GuestDevices create(Path folder, long seed) throws IOException {
        var disk = folder.resolve("nvme.raw");
        lengthen(disk, DISK_BYTES);
        lengthen(folder.resolve(OTHER_DISK), OTHER_DISK_BYTES);
        var served = Files.createDirectory(folder.resolve("served"));
        var bytes = new byte[FILE_BYTES];
        new Random(seed).nextBytes(bytes);
        Files.write(served.resolve(FILE), bytes);
        return new GuestDevices(disk, served);
    }

    private static void lengthen(Path file, long lengthBytes) throws IOException {
        try (var access = new RandomAccessFile(file.toFile(), "rw")) {
            access.setLength(lengthBytes);
        }
    }

    /** The options that give QEMU the devices, behind an IOMMU, and memory for a Java machine. */
    List<String> options() {
        var network = ",tftp=" + served;
        return List.of(
                "-m",
                "1536",
                "-device",
                "intel-iommu,intremap=on,caching-mode=on",
                "-device",
                "edu,addr=04.0" + WIDE,
                "-drive",
                "file=" + disk + ",if=none,id=nvme0,format=raw,cache=unsafe",
                "-device",
                "nvme,drive=nvme0,serial=outboard,addr=05.0",
                "-netdev",
                "user,id=net0" + network,
                "-device",
                "e1000e,netdev=net0,addr=06.0,mac=52:54:00:00:00:06",
                "-netdev",
                "user,id=net1" + network,
                "-device",
                "virtio-net-pci,netdev=net1,addr=07.0,mac=52:54:00:00:00:07,disable-legacy=on,"
                        + "iommu_platform=on",
                "-drive",
                "file=%s,if=none,id=disk0,format=raw,cache=unsafe"
                        .formatted(disk.resolveSibling(OTHER_DISK)),
                "-device",
                "virtio-blk-pci,drive=disk0,addr=08.0,disable-legacy=on,iommu_platform=on",
                "-device",
                "pcie-pci-bridge,id=bridge,addr=1e.0",
                "-device",
                "edu,bus=bridge,addr=01.0" + WIDE,
                "-device",
                "e1000,bus=bridge,addr=02.0,romfile=");
    }
}
