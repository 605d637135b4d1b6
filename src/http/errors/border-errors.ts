import type { BorderErrorCode } from '../shapes.ts'
import type { ErrorEntry } from './entry.ts'

/** Errors of the HTTP border: a request is refused before the node sees it. */
export const HTTP_ERRORS: Readonly<Record<BorderErrorCode, ErrorEntry>> = {
  ERR_UNAUTHORIZED: {
    status: 401,
    what: 'The request has no token, or another one than the node',
    why: 'Each start of a node makes a new token, unless HEARSAY_API_TOKEN says which',
    next: 'Send "Authorization: Bearer TOKEN"; the token stands in the file that "up" names',
  },
  ERR_HOST: {
    status: 421,
    what: 'The request asks for a host that is not ours',
    why: 'A page elsewhere may have a name that points here (DNS rebinding)',
    next: 'Use localhost or a loopback address, or start the node with --api-host NAME',
  },
  ERR_ORIGIN: {
    status: 403,
    what: 'The request comes from a page of another site',
    why: 'Pages of others may not use this API, whatever they know',
    next: 'Call it from a program, or from the page that the node serves',
  },
  ERR_FORBIDDEN: {
    status: 403,
    what: 'The node does not allow that',
    why: 'Faults can be injected only where somebody asked for it at the start',
    next: 'Start the node with --chaos, or use "hearsay demo"',
  },
  ERR_METHOD: {
    status: 405,
    what: 'The path does not have this method',
    why: 'Each path has a few, which the header Allow lists',
    next: 'Use one of them',
  },
  ERR_MEDIA_TYPE: {
    status: 415,
    what: 'The body has no content type that is taken here',
    why: 'A type that a foreign form could send is refused',
    next: 'Send "Content-Type: application/json", or application/octet-stream for values',
  },
}

/** Errors of the typed client and of the command line: there was no answer, or no request. */
export const CLIENT_ERRORS: Readonly<Record<string, ErrorEntry>> = {
  ERR_UNREACHABLE: {
    exit: 3,
    what: 'Nothing answers at the address of the API',
    why: 'The node has ended, or the address is another one',
    next: 'Check that it runs: "hearsay members", "hearsay up"',
  },
  ERR_CUT: {
    what: 'An answer broke off before its end',
    why: 'The node ended, or the connection was lost',
    next: 'What came is not whole: try again',
  },
  ERR_NO_NODE: {
    exit: 3,
    what: 'No node runs here, or none of that name',
    why: 'Verbs look for nodes of this user on this machine, unless --api says where',
    next: 'Start one with "hearsay up" or "hearsay demo"; "hearsay doctor" looks closer',
  },
  ERR_TOKEN: {
    what: 'The token of the node cannot be read',
    why: 'Its file is gone, or belongs to another user',
    next: 'Set HEARSAY_API_TOKEN to the token of that node, or restart it',
  },
  ERR_USAGE: {
    exit: 2,
    what: 'The command line cannot be understood',
    why: 'A verb, a flag or an argument is unknown, missing or of another form',
    next: '"hearsay VERB --help" has examples',
  },
  ERR_FILE: {
    what: 'A file cannot be read or written',
    why: 'It is not there, exists already, or the disk refuses',
    next: 'Check the path, its permissions and the room on that disk',
  },
  ERR_EXISTS: {
    what: 'A file of that name exists',
    why: 'It may be the only copy of a key: it is never replaced',
    next: 'Choose another name, or remove it',
  },
  ERR_RUNTIME_DIR: {
    what: 'The directory in which nodes find each other cannot be used',
    why: 'It belongs to another user, or others can write there',
    next: 'Set HEARSAY_RUNTIME_DIR to a directory of your own with mode 0700',
  },
}

/** Errors of the system that a verb passes on by their own names. */
export const SYSTEM_ERRORS: Readonly<Record<string, ErrorEntry>> = {
  ENOSPC: {
    exit: 75,
    what: 'The disk is full',
    why: 'The file system of the data directory or of the file has no room',
    next: 'Free space there, then try again',
  },
  EDQUOT: {
    exit: 75,
    what: 'The quota of the disk is used up',
    why: 'This user may not store more there',
    next: 'Free space, or have the quota raised',
  },
  ENOMEM: {
    exit: 75,
    what: 'The system has no memory left',
    why: 'Other programs use it, or a limit of the container is too low',
    next: 'Give it more memory, or end other programs',
  },
  EMFILE: {
    exit: 75,
    what: 'This process has too many files and sockets open',
    why: 'The limit of the shell or the service is too low',
    next: 'Raise it: ulimit -n 4096, or LimitNOFILE of the service',
  },
  ENFILE: {
    exit: 75,
    what: 'The system has too many files and sockets open',
    why: 'The limit of the whole machine is reached',
    next: 'Raise fs.file-max, or end other programs',
  },
  ENOENT: {
    what: 'There is no such file or directory',
    why: 'The path is another one, or what made it has not run yet',
    next: 'Check the path in the message',
  },
  EACCES: {
    what: 'The system does not permit that',
    why: 'The file belongs to another user, or the port is below 1024',
    next: 'Check owner and mode of the file, or choose another port',
  },
  EISDIR: {
    what: 'There is a directory where a file is expected',
    why: 'The path names a directory',
    next: 'Name a file in it',
  },
  EROFS: {
    what: 'The file system cannot be written',
    why: 'It is mounted for reading only, as the root of a container often is',
    next: 'Name a directory on a volume, such as --data-dir /data',
  },
}
