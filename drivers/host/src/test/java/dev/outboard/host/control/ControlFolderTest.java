package dev.outboard.host.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.cli.UsageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where control sockets are, and who is believed to be the owner of the place. */
class ControlFolderTest {
    private static final long SELF = ProcessHandle.current().pid();

    /** No process has it: the kernel's numbers end before. */
    private static final long NOBODY = 1L << 30;

    @TempDir Path parent;

    private ControlFolder folder() {
        return new ControlFolder(parent.resolve("outboard"));
    }

    @Test
    void shouldMakeAFolderForItsUserAlone() throws IOException {
        var socket = folder().socket("nic0", 12);
        assertThat(socket.getFileName()).hasToString("nic0.12");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket.getParent())))
                .isEqualTo("rwx------");
        assertThat(folder().socket("nic0", 13)).hasFileName("nic0.13");
        assertThat(folder().sockets()).isEmpty();
    }

    @Test
    void shouldRefuseAFolderThatOthersMayEnter() throws IOException {
        var folder = folder();
        Files.createDirectory(folder.folder());
        Files.setPosixFilePermissions(
                folder.folder(), PosixFilePermissions.fromString("rwxrwxrwx"));
        assertThatExceptionOfType(CommandException.class)
                .isThrownBy(() -> folder.socket("nic0", 1))
                .withMessageContaining("not a folder of this user alone")
                .withMessageContaining("--control unix:PATH");
    }

    @Test
    void shouldRefuseALinkThatSomebodyPutThere() throws IOException {
        var folder = folder();
        var elsewhere = Files.createDirectory(parent.resolve("elsewhere"));
        Files.createSymbolicLink(folder.folder(), elsewhere);
        assertThatExceptionOfType(CommandException.class)
                .isThrownBy(() -> folder.socket("nic0", 1))
                .withMessageContaining("not a folder of this user alone");
        assertThat(folder.sockets()).isEmpty();
    }

    @Test
    void shouldKeepNamesInTheFolder() {
        assertThat(folder().socket("../../etc/passwd", 1).getParent())
                .isEqualTo(parent.resolve("outboard"));
        var longest = folder().socket("n".repeat(500), SELF);
        assertThat(longest.toString().length()).isEqualTo(ControlFolder.MOST_PATH_BYTES);
        assertThat(ControlFolder.processId(longest)).isEqualTo(SELF);
    }

    @Test
    void shouldFindByNameAndByProcess() throws IOException {
        var folder = folder();
        var socket = Files.createFile(folder.socket("nic0.a", SELF));
        assertThat(folder.find("nic0.a")).isEqualTo(socket);
        assertThat(folder.find("nic0.a." + SELF)).isEqualTo(socket);
        assertThat(folder.find("unix:/x/y")).isEqualTo(Path.of("/x/y"));
        assertThatExceptionOfType(CommandException.class)
                .isThrownBy(() -> folder.find("nic1"))
                .withMessageContaining("nothing called 'nic1'")
                .withMessageContaining("take one of nic0.a." + SELF);
        assertThatExceptionOfType(UsageException.class)
                .isThrownBy(() -> folder.find("unix:"))
                .withMessageContaining("write unix:PATH");
    }

    @Test
    void shouldAskWhichWhereTwoAreCalledSo() throws IOException {
        var folder = folder();
        long parentId = ProcessHandle.current().parent().orElseThrow().pid();
        Files.createFile(folder.socket("nic0", SELF));
        Files.createFile(folder.socket("nic0", parentId));
        assertThatExceptionOfType(CommandException.class)
                .isThrownBy(() -> folder.find("nic0"))
                .withMessageContaining("2 are called 'nic0'")
                .withMessageContaining("nic0." + SELF)
                .withMessageContaining("nic0." + parentId);
    }

    @Test
    void shouldClearAwayWhatAKilledProcessLeft() throws IOException {
        var folder = folder();
        var left = Files.createFile(folder.socket("nic0", NOBODY));
        var lives = Files.createFile(folder.socket("nic0", SELF));
        assertThat(left).doesNotExist();
        Files.createFile(left);
        assertThat(folder.find("nic0")).isEqualTo(lives);
        assertThat(left).doesNotExist();
        assertThat(lives).exists();
    }

    @Test
    void shouldFindNothingWhereNothingEverRan() {
        assertThat(folder().sockets()).isEmpty();
        assertThatExceptionOfType(CommandException.class)
                .isThrownBy(() -> folder().find("nic0"))
                .withMessageContaining("nothing called 'nic0' runs here: outboard run");
    }
}
