package dev.outboard.uio.vfio;

import dev.outboard.uio.nativecall.ErrorNames;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Says why memory was not mapped for a device, and what helps. */
final class MappingFailure {
    private static final Path LIMITS = Path.of("/proc/self/limits");
    private static final String LOCKED = "Max locked memory";

    private MappingFailure() {}

    static VfioException of(AddressSpace space, int answer, long iova, long lengthBytes) {
        int errno = -answer;
        String what = "memory at iova=0x%x of lengthBytes=0x%x".formatted(iova, lengthBytes);
        if (errno == ErrorNames.ENOMEM || errno == ErrorNames.EPERM) {
            return new VfioException(
                    "the kernel does not lock %s for the device (%s): the limit of locked memory is"
                                    .formatted(what, ErrorNames.of(errno))
                            + " "
                            + limit()
                            + ": ulimit -l unlimited, or a 'memlock' line in"
                            + " /etc/security/limits.conf, or less memory (--memory)");
        }
        if (errno == ErrorNames.EEXIST) {
            return new VfioException(
                    "%s overlaps what is mapped already: unmap that first".formatted(what));
        }
        boolean isOutside =
                space.ranges().stream().noneMatch(range -> range.contains(iova, lengthBytes));
        return new VfioException(
                "%s is not mapped by %s: %s%s"
                        .formatted(
                                what,
                                space.describe(),
                                ErrorNames.of(errno),
                                isOutside
                                        ? ", as it lies outside of " + space.ranges()
                                        : ", pages are of 0x%x bytes"
                                                .formatted(space.pageBytes())));
    }

    private static String limit() {
        try {
            return Files.readAllLines(LIMITS).stream()
                    .filter(line -> line.startsWith(LOCKED))
                    .map(line -> line.substring(LOCKED.length()).strip().split("\\s+")[0])
                    .findFirst()
                    .map(text -> text.equals("unlimited") ? text : text + " bytes")
                    .orElse("unknown");
        } catch (IOException unreadable) {
            return "unknown";
        }
    }
}
